"""Whether a predicate holds for one packet, with a third value for what cannot be known.

Spec: specs/chains/predicates.md
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from verifier.model.fields import (
    ICMP,
    ICMPV6,
    NAMESPACE_NAME,
    SERVICE_ACCOUNT_NAME,
    TCP,
    End,
    Field,
    Label,
    Scope,
    has_ports,
)
from verifier.model.packet import Packet
from verifier.model.predicate import (
    All,
    AnyOf,
    Declared,
    InRange,
    LabelIn,
    LabelText,
    Masked,
    Member,
    Named,
    Not,
    Opaque,
    PortNamed,
    Predicate,
    TextTest,
    Thing,
)
from verifier.reference.sets import is_member
from verifier.reference.things import satisfies
from verifier.reference.view import View

READ: dict[Field, Callable[[Packet], int | None]] = {
    Field.SOURCE: lambda packet: packet.source,
    Field.DESTINATION: lambda packet: packet.destination,
    Field.PROTOCOL: lambda packet: packet.protocol,
    Field.SOURCE_PORT: lambda packet: packet.source_port if has_ports(packet.protocol) else None,
    Field.DESTINATION_PORT: lambda packet: packet.destination_port if has_ports(packet.protocol) else None,
    Field.ICMP: lambda packet: packet.icmp if packet.protocol in (ICMP, ICMPV6) else None,
    Field.TCP_FLAGS: lambda packet: packet.tcp_flags if packet.protocol == TCP else None,
    Field.STATE: lambda packet: packet.state,
    Field.CT_STATUS: lambda packet: packet.ct_status,
    Field.MARK: lambda packet: packet.mark,
    Field.CONNMARK: lambda packet: packet.connmark,
    Field.BRIDGED: lambda packet: packet.bridged,
}
"""The numeric fields; None where the packet has no such field."""

NAME: dict[Field, Callable[[Packet], str]] = {
    Field.IN_INTERFACE: lambda packet: packet.in_interface,
    Field.OUT_INTERFACE: lambda packet: packet.out_interface,
    Field.PHYS_IN: lambda packet: packet.phys_in,
    Field.PHYS_OUT: lambda packet: packet.phys_out,
}
"""The textual fields; "" where the packet has no such interface."""

RPFILTER = "rpfilter"


def holds(predicate: Predicate, packet: Packet, view: View) -> bool | None:
    """Whether the predicate holds; None where that hangs on something opaque (Kleene's logic, PR-1)."""
    return HOLDS[type(predicate)](predicate, packet, view)


def _in_range(test: InRange, packet: Packet, view: View) -> bool:  # noqa: ARG001 (one signature for all)
    if test.family and test.family != packet.family:
        return False
    value = READ[test.field](packet)
    if value is None:
        return False
    for first, last in test.ranges:  # noqa: SIM110 (a generator costs more than all the rest, on every rule of a walk)
        if first <= value <= last:
            return True
    return False


def _masked(test: Masked, packet: Packet, view: View) -> bool:  # noqa: ARG001
    value = READ[test.field](packet)
    return value is not None and value & test.mask == test.value


def _named(test: Named, packet: Packet, view: View) -> bool:  # noqa: ARG001
    name = NAME[test.field](packet)
    return name.startswith(test.name) if test.prefix else name == test.name


def _label_in(test: LabelIn, packet: Packet, view: View) -> bool:
    value = label_value(test.label, packet, view)
    return value is not None and (test.values is None or value in test.values)


def _label_text(test: LabelText, packet: Packet, view: View) -> bool:
    value = label_value(test.label, packet, view)
    if value is None:
        return False
    if test.test is TextTest.CONTAINS:
        return value.find(test.text) >= 0
    length = len(test.text)
    return length <= len(value) and test.text == (
        value[:length] if test.test is TextTest.STARTS else value[len(value) - length :]
    )


def _thing(test: Thing, packet: Packet, view: View) -> bool | None:
    """Each thing at the address is asked by itself: the pod, then every network set that holds it."""
    address = packet.source if test.end is End.SOURCE else packet.destination
    answer: bool | None = False
    if (packet.family, address) in view.pods:
        answer = holds(test.part, packet, view)
    for each in view.cluster.network_sets:
        if answer is True:
            break
        for first, last in each.networks.get(packet.family, ()):
            if first <= address <= last and satisfies(test.part, each, view):
                answer = True
    return answer


def label_value(label: Label, packet: Packet, view: View) -> str | None:
    """The value that the label has at its end of the packet, None where it is absent or the end is no pod (PR-7)."""
    address = packet.source if label.end is End.SOURCE else packet.destination
    pod = view.pods.get((packet.family, address))
    if pod is None or label.scope is Scope.NODE:
        return None
    if label.scope is Scope.POD:
        return pod.labels.get(label.key)
    if label.scope is Scope.SERVICE_ACCOUNT:
        if label.key == SERVICE_ACCOUNT_NAME:
            return pod.service_account
        account = view.cluster.service_accounts.get(f"{pod.namespace}/{pod.service_account}")
        return account.labels.get(label.key) if account else None
    if label.key == NAMESPACE_NAME:
        return pod.namespace
    namespace = view.cluster.namespaces.get(pod.namespace)
    return namespace.labels.get(label.key) if namespace else None


def _port_named(test: PortNamed, packet: Packet, view: View) -> bool:
    at_source = test.end is End.SOURCE
    pod = view.pods.get((packet.family, packet.source if at_source else packet.destination))
    if pod is None or packet.protocol != test.protocol:
        return False
    number = packet.source_port if at_source else packet.destination_port
    containers = pod.sidecar_ports if test.declared is Declared.SIDECAR else pod.ports
    named = [port for port in containers if port.name == test.name and port.protocol == test.protocol]
    if test.declared is Declared.FIRST:
        del named[1:]
    return any(port.number == number for port in named)


def _all(test: All, packet: Packet, view: View) -> bool | None:
    answer: bool | None = True
    for part in test.parts:
        one = HOLDS[type(part)](part, packet, view)
        if one is False:
            return False
        if one is None:
            answer = None
    return answer


def _any(test: AnyOf, packet: Packet, view: View) -> bool | None:
    answer: bool | None = False
    for part in test.parts:
        one = HOLDS[type(part)](part, packet, view)
        if one is True:
            return True
        if one is None:
            answer = None
    return answer


def _not(test: Not, packet: Packet, view: View) -> bool | None:
    answer = holds(test.part, packet, view)
    return None if answer is None else not answer


def _opaque(test: Opaque, packet: Packet, view: View) -> bool | None:  # noqa: ARG001
    return True if test.text == RPFILTER else None


HOLDS: dict[type, Callable[[Any, Packet, View], bool | None]] = {
    InRange: _in_range,
    Masked: _masked,
    Named: _named,
    Member: is_member,
    LabelIn: _label_in,
    LabelText: _label_text,
    PortNamed: _port_named,
    Thing: _thing,
    All: _all,
    AnyOf: _any,
    Not: _not,
    Opaque: _opaque,
}


def doubts(predicate: Predicate, packet: Packet, view: View) -> tuple[str, ...]:
    """What makes a predicate undecided for the packet, in the order in which it is written; () where it is decided."""
    if holds(predicate, packet, view) is not None:
        return ()
    match predicate:
        case All(parts) | AnyOf(parts):
            return _distinct(reason for part in parts for reason in doubts(part, packet, view))
        case Not(part) | Thing(_, part):
            return doubts(part, packet, view)
        case Opaque(text):
            return (text,)
        case Member(name):
            return (_member_doubt(name, view),)
        case _:
            return ()


def _member_doubt(name: str, view: View) -> str:
    if name.startswith("@"):
        return f"the addresses of node {view.node} are not known (address type {name[1:]})"
    if view.sets is None:
        return f"the snapshot has no ipset-save (set {name})"
    found = view.sets.get(name)
    if found is None:
        return f"set {name} is not in the dump"
    missing = [element for element in found.content.lists if element not in view.sets]
    if missing:
        return f"set {missing[0]}, an element of {name}, is not in the dump"
    elements = [found, *(view.sets[element] for element in found.content.lists)]
    why = next((element for element in elements if element.content.opaque), None)
    if why is not None:
        return f"set {why.name} ({why.origin}): {why.content.opaque}"
    if any(element.content.kind == "hash:net,iface" for element in elements):
        return f"set {name} ({found.origin}): whether a longer network with a bridge port hides a wider one is chance"
    return f"set {name} ({found.origin}) tests something that no packet of this model carries"


def asks_of_connections(predicate: Predicate) -> bool:
    """Whether some part asks what connection tracking says of the packet."""
    match predicate:
        case InRange(field) | Masked(field):
            return field in (Field.STATE, Field.CT_STATUS)
        case All(parts) | AnyOf(parts):
            return any(asks_of_connections(part) for part in parts)
        case Not(part):
            return asks_of_connections(part)
        case _:
            return False


def _distinct(reasons: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reasons))
