"""Predicates over one packet: existing fields, absent fields, labels, three-valued logic."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.reference.worlds import cluster, node, packet, pod
from verifier.model.fields import NAMESPACE_NAME, End, Field, Label, Scope
from verifier.model.predicate import (
    FALSE,
    TRUE,
    InRange,
    LabelIn,
    Masked,
    Member,
    Named,
    Not,
    Opaque,
    PortNamed,
    Predicate,
    all_of,
    any_of,
)
from verifier.reference.predicates import doubts, holds
from verifier.reference.view import view_of

WEB = pod("shop/web", "10.0.0.2 fd00::2", {"app": "web"}, ports="http:tcp/80 dns:udp/53 twin:tcp/81 twin:udp/80")
VIEW = view_of(node(), cluster(WEB))
PACKET = packet()
UNSURE = Opaque("-m recent")


def pod_label(key: str, *values: str) -> Predicate:
    return LabelIn(Label(End.DESTINATION, Scope.POD, key), frozenset(values) if values else None)


@pytest.mark.parametrize(
    ("predicate", "expected"),
    [
        (InRange(Field.DESTINATION_PORT, ((1, 79), (80, 80))), True),
        (InRange(Field.DESTINATION_PORT, ((81, 65535),)), False),
        (InRange(Field.PROTOCOL, ((6, 6),), family=6), False),
        (InRange(Field.PROTOCOL, ((6, 6),), family=4), True),
        (Masked(Field.TCP_FLAGS, 2, 0x17), True),
        (Masked(Field.MARK, 1, 0), False),
        (Named(Field.IN_INTERFACE, "eth", prefix=True), True),
        (Named(Field.IN_INTERFACE, "eth"), False),
        (Named(Field.OUT_INTERFACE, "cali", prefix=True), True),
        (pod_label("app", "web", "api"), True),
        (pod_label("app"), True),
        (pod_label("tier"), False),
        (LabelIn(Label(End.SOURCE, Scope.POD, "app"), None), False),
        (LabelIn(Label(End.DESTINATION, Scope.NAMESPACE, NAMESPACE_NAME), frozenset({"shop"})), True),
        (LabelIn(Label(End.DESTINATION, Scope.NAMESPACE, "team"), frozenset({"s"})), True),
        (PortNamed(6, "http"), True),
        (PortNamed(17, "dns"), False),
        (PortNamed(6, "twin"), False),
        (TRUE, True),
        (FALSE, False),
        (Opaque("rpfilter"), True),
        (Not(Opaque("rpfilter")), False),
        (UNSURE, None),
        (Not(UNSURE), None),
        (all_of(UNSURE, pod_label("tier")), False),
        (any_of(UNSURE, pod_label("app")), True),
        (all_of(UNSURE, pod_label("app")), None),
        (any_of(UNSURE, pod_label("tier")), None),
        (Member("@local", ("src",)), False),
        (Member("gone", ("src",)), None),
    ],
)
def test_tests_of_a_tcp_packet(predicate: Predicate, expected: bool | None) -> None:
    """Each elementary test and each connective has its three-valued answer for one TCP packet."""
    assert holds(predicate, PACKET, VIEW) is expected


@pytest.mark.parametrize("field", [Field.DESTINATION_PORT, Field.SOURCE_PORT, Field.TCP_FLAGS])
def test_fields_that_an_icmp_packet_lacks_lie_in_no_range(field: Field) -> None:
    """A port or a flag of an ICMP packet lies in no range, not even in the whole one."""
    icmp = replace(PACKET, protocol=1)
    assert holds(InRange(field, ((0, 65535),)), icmp, VIEW) is False
    assert holds(Masked(field, 0, 0), icmp, VIEW) is False


def test_icmp_of_tcp_lies_in_no_range() -> None:
    """Type and code exist only where the protocol is ICMP."""
    assert holds(InRange(Field.ICMP, ((0, 65535),)), PACKET, VIEW) is False
    assert holds(InRange(Field.ICMP, ((2048, 2048),)), replace(PACKET, protocol=1, icmp=2048), VIEW) is True


def test_a_pod_is_known_by_its_address_of_the_packets_family() -> None:
    """Labels are found by the address of the packet's own family."""
    assert holds(pod_label("app", "web"), packet("fd00::1", "fd00::2"), VIEW) is True


def test_doubts_name_only_what_decides() -> None:
    """A doubt that another part settles is not named."""
    assert doubts(all_of(UNSURE, pod_label("tier")), PACKET, VIEW) == ()
    assert doubts(any_of(UNSURE, Member("gone", ("src",))), PACKET, VIEW) == (
        "-m recent",
        "set gone is not in the dump",
    )
