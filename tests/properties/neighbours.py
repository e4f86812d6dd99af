"""Packets near a packet of a page: some fields changed to values at, or right beside, what the rules there ask for."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from tests.oracle.classes import KNOWN_FLAGS, NEW_FLAGS, leaves
from tests.pages.posed import Posed
from verifier.model.fields import (
    ADDRESS_BITS,
    ICMP,
    ICMPV6,
    POLICED_PROTOCOLS,
    PORT_PROTOCOLS,
    SCTP,
    TCP,
    UDP,
    ConnState,
    CtStatus,
    Field,
    has_ports,
)
from verifier.model.ipset import AddressPart, InterfacePart, IpSet, MarkPart, PortPart
from verifier.model.node import NodeState
from verifier.model.packet import Packet
from verifier.model.predicate import InRange, Masked, Named, Predicate
from verifier.model.ruleset import Ruleset
from verifier.model.snapshot import Snapshot

ECHO = {4: (ICMP, 8 << 8), 6: (ICMPV6, 128 << 8)}
WITHOUT_CONNECTION = (ConnState.INVALID, ConnState.UNTRACKED)
"""States of packets of which nothing can have been translated."""
WAYS = {"forward": (True, True), "input": (True, False), "output": (False, True)}
"""Whether a packet has an incoming and an outgoing interface."""


class Values:
    """What the rules and sets of one family of a node, and its cluster, tell apart in each field."""

    def __init__(self, node: NodeState, snapshot: Snapshot, family: int) -> None:
        ruleset = node.rulesets.get(family, Ruleset(family))
        tests = {leaf for chain in ruleset.chains.values() for rule in chain.rules for leaf in leaves(rule.match)} | {
            leaf for predicate in _policies(snapshot) for leaf in leaves(predicate)
        }
        self.family = family
        self.sets: list[IpSet] = sorted((node.sets or {}).values(), key=lambda known: known.name)
        self.ranges: dict[Field, set[int]] = {}
        self.masked: dict[Field, set[int]] = {Field.MARK: {0, 0xFFFFFFFF}, Field.CONNMARK: {0, 0xFFFFFFFF}}
        self.names: dict[Field, set[str]] = {}
        for test in tests:
            self._add(test)
        ends = {end for known in self.sets if known.family == family for end in _addresses(known)}
        ends |= {a for pod in snapshot.cluster.pods for f, a in pod.addresses.items() if f == family}
        self.addresses = _near(
            ends | self.ranges.get(Field.SOURCE, set()) | self.ranges.get(Field.DESTINATION, set()),
            (1 << ADDRESS_BITS[family]) - 1,
        )

    def _add(self, test: Predicate) -> None:
        match test:
            case InRange(field, ranges):
                bits = ADDRESS_BITS[self.family]
                fitting = {end for span in ranges for end in span if end < 1 << bits}
                self.ranges.setdefault(field, set()).update(fitting)
            case Masked(field, value, mask):
                self.masked.setdefault(field, set()).update((value, mask, value ^ mask, value & mask))
            case Named(field, name):
                self.names.setdefault(field, set()).update((name, name + "0", name[:-1]))

    def near(self, field: Field, top: int) -> list[int]:
        """The ends of the ranges of a field with their neighbours."""
        parts = [part for known in self.sets for member in known.content.members for part in member.parts]
        ends = set(self.ranges.get(field, ()))
        if field in (Field.SOURCE_PORT, Field.DESTINATION_PORT, Field.ICMP):
            ends |= {end for part in parts if isinstance(part, PortPart) for end in (part.first, part.last)}
        if field is Field.PROTOCOL:
            ends |= {part.protocol for part in parts if isinstance(part, PortPart) and part.protocol is not None}
        return _near(ends, top)

    def marks(self, field: Field) -> list[int]:
        """Values of a mark."""
        parts = [part for known in self.sets for member in known.content.members for part in member.parts]
        return sorted(self.masked[field] | {part.value for part in parts if isinstance(part, MarkPart)})

    def interfaces(self, field: Field) -> list[str]:
        """Names of interfaces that rules ask for, and some beside them; 15 characters at most."""
        parts = [part for known in self.sets for member in known.content.members for part in member.parts]
        found = self.names.get(field, set()) | {part.name for part in parts if isinstance(part, InterfacePart)}
        return sorted(name for name in found if 1 < len(name) <= 15)


def _policies(snapshot: Snapshot) -> Iterator[Predicate]:
    for tier in snapshot.cluster.tiers:
        for policy in tier.policies:
            yield from policy.subjects.values()
            for rule in policy.rules:
                yield from (rule.peer, rule.ports)


def _addresses(known: IpSet) -> Iterator[int]:
    for member in known.content.members:
        for part in member.parts:
            if isinstance(part, AddressPart):
                yield from (part.first, part.last)


def _near(ends: Iterable[int], top: int) -> list[int]:
    return sorted({value for end in ends for value in (end - 1, end, end + 1) if 0 <= value <= top})


@lru_cache(maxsize=32)
def _values(node: NodeState, snapshot: Snapshot, family: int) -> Values:
    return Values(node, snapshot, family)


def neighbour(each: Posed, choose: random.Random) -> Packet:
    """A packet near the one of a line: one to three fields changed; where policies are asked, ends and service."""
    packet = each.packet
    if not each.hook:
        policed = packet.protocol if packet.protocol in POLICED_PROTOCOLS else TCP
        packet = replace(packet, protocol=policed, state=ConnState.NEW)
    values = _values(each.node, each.snapshot, packet.family)
    for _ in range(choose.randint(1, 3)):
        packet = _changed(packet, values, each.hook, choose)
    return replace(packet, ct_status=0) if packet.state in WITHOUT_CONNECTION else packet


def _changed(packet: Packet, values: Values, hook: str, choose: random.Random) -> Packet:
    ends: list[Callable[[], Packet]] = [
        lambda: _with_address(packet, values, choose),
        lambda: _with_protocol(packet, values, hook, choose),
        lambda: _with_service(packet, values, choose),
    ]
    marks: list[Callable[[], Packet]] = [
        lambda: replace(packet, mark=choose.choice(values.marks(Field.MARK))),
        lambda: replace(packet, connmark=choose.choice(values.marks(Field.CONNMARK))),
    ]
    others: list[Callable[[], Packet]] = [
        lambda: replace(packet, state=choose.choice(list(ConnState))),
        lambda: replace(packet, ct_status=choose.choice((0, CtStatus.SNAT))),
        lambda: _with_interface(packet, values, WAYS[hook], choose),
    ]
    if packet.original is not None:
        return choose.choice(marks)()
    return choose.choice([*ends, *marks, *others] if hook else ends)()


def _with_address(packet: Packet, values: Values, choose: random.Random) -> Packet:
    end, other = choose.sample(("source", "destination"), 2)
    elsewhere = [address for address in values.addresses if address != getattr(packet, other)]
    change: dict[str, Any] = {end: choose.choice(elsewhere)} if elsewhere else {}
    return replace(packet, **change)


def _with_protocol(packet: Packet, values: Values, hook: str, choose: random.Random) -> Packet:
    common = [TCP, UDP, SCTP, 47, ECHO[packet.family][0]]
    known = [*values.near(Field.PROTOCOL, 255), *PORT_PROTOCOLS, *common, *common]
    protocol = choose.choice(known if hook else POLICED_PROTOCOLS)
    ports = has_ports(protocol)
    return replace(
        packet,
        protocol=protocol,
        icmp=ECHO[packet.family][1] if protocol in (ICMP, ICMPV6) else 0,
        tcp_flags=2 if protocol == TCP else 0,
        source_port=(packet.source_port or 40000) if ports else 0,
        destination_port=(packet.destination_port or 80) if ports else 0,
    )


def _with_service(packet: Packet, values: Values, choose: random.Random) -> Packet:
    if packet.protocol in (ICMP, ICMPV6):
        known = [*values.near(Field.ICMP, 0xFFFF), packet.icmp, 0, 3 << 8, 8 << 8, 1 << 8, 129 << 8]
        return replace(packet, icmp=choose.choice(known))
    if packet.protocol == TCP and choose.random() < 0.3:
        return replace(
            packet, tcp_flags=choose.choice([*NEW_FLAGS, *KNOWN_FLAGS, *values.ranges.get(Field.TCP_FLAGS, ())])
        )
    if not has_ports(packet.protocol):
        return packet
    source = choose.random() < 0.4
    asked = values.near(Field.SOURCE_PORT if source else Field.DESTINATION_PORT, 0xFFFF)
    port = choose.choice([*asked, 0, 0xFFFF, 80, 53])
    return replace(packet, source_port=port) if source else replace(packet, destination_port=port)


def _with_interface(packet: Packet, values: Values, ways: tuple[bool, bool], choose: random.Random) -> Packet:
    places = [(Field.PHYS_IN, "phys_in")] if packet.phys_in else []
    places += [(Field.PHYS_OUT, "phys_out")] if packet.phys_out else []
    places += [(Field.IN_INTERFACE, "in_interface")] if ways[0] and not packet.phys_in else []
    places += [(Field.OUT_INTERFACE, "out_interface")] if ways[1] and not packet.phys_out else []
    field, name = choose.choice(places) if places else (Field.IN_INTERFACE, "")
    known = values.interfaces(field)
    change: dict[str, Any] = {name: choose.choice(known)} if known and name else {}
    return replace(packet, **change)
