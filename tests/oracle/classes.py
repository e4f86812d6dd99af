"""Representatives: one address and one service for every set of tests of a node and its policies that tells them apart.

A test is a leaf of a predicate. Two addresses in the same ranges, the same sets, the same role and with the same labels
meet the same fate in every rule and policy; every set of such addresses has a member at, or right beside, the end of a
range, so that the ends of all ranges, and their neighbours, are candidates enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from verifier.model.fields import ADDRESS_BITS, SCTP, TCP, UDP, ConnState, Field
from verifier.model.ipset import AddressPart, IpSet, PortPart
from verifier.model.packet import Packet
from verifier.model.predicate import (
    All,
    AnyOf,
    InRange,
    LabelIn,
    LabelText,
    Masked,
    Member,
    Not,
    PortNamed,
    Predicate,
    Range,
    Thing,
)
from verifier.reference.predicates import holds
from verifier.reference.view import View

ENDS = (Field.SOURCE, Field.DESTINATION)
SAMPLES = {4: (0x08080808, 0x7F000001, 0xE0000001), 6: ((0x20014860 << 96) + 0x8888, 1, 0xFF02 << 112)}
"""An address of nobody in particular, and two that no forwarded packet has."""

PUSHED = (0, 8, 64, 128, 8 | 64, 8 | 128, 64 | 128, 8 | 64 | 128)
NEW_FLAGS = [2, 16, *(base | free for base in (2, 2 | 32, 16, 16 | 32) for free in PUSHED)]
"""SYN or ACK alone, with URG, PSH, ECE and CWR free (U-20)."""
KNOWN_FLAGS = [16, *(base | free for base in (2, 34, 18, 16, 48, 17, 49, 4, 20) for free in PUSHED)]
"""S, SU, SA, A, AU, FA, FAU, R, RA, with PSH, ECE and CWR free (U-25)."""


def leaves(predicate: Predicate) -> Iterator[Predicate]:
    """The elementary tests of a predicate."""
    match predicate:
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case _:
            yield predicate


def _inside(leaf: Predicate) -> Iterator[Predicate]:
    """A test with those that it is made of."""
    yield leaf
    if isinstance(leaf, Thing):
        yield from leaves(leaf.part)


@dataclass(frozen=True, slots=True)
class Service:
    """What a packet carries beside its ends."""

    state: ConnState
    protocol: int
    source_port: int
    destination_port: int
    icmp: int
    tcp_flags: int
    ct_status: int


class Tests:
    """The distinct elementary tests of one family, and the sets that they name."""

    __test__ = False

    def __init__(self, predicates: Iterable[Predicate], view: View, family: int) -> None:
        self.view = view
        self.family = family
        seen: dict[int, Predicate] = {}
        self.leaves: dict[Predicate, None] = {}
        for predicate in predicates:
            if id(predicate) not in seen:
                seen[id(predicate)] = predicate
                self.leaves.update(dict.fromkeys(leaves(predicate)))
        self.sets = self._sets()

    def _sets(self) -> list[IpSet]:
        found: dict[str, IpSet] = {}
        names = [leaf.name for leaf in self.leaves if isinstance(leaf, Member)]
        while names:
            name = names.pop()
            known = (self.view.sets or {}).get(name)
            if known is not None and name not in found:
                found[name] = known
                names.extend(known.content.lists)
        return list(found.values())

    def ranges(self, *fields: Field) -> set[Range]:
        """The ranges that rules and policies ask of these fields."""
        return {
            span
            for leaf in self.leaves
            if isinstance(leaf, InRange) and leaf.field in fields and leaf.family in (0, self.family)
            for span in leaf.ranges
        }

    # ------------------------------------------------------------------ addresses

    def address_candidates(self) -> list[int]:
        """Every end of a range of addresses with its neighbours, and every address of a pod or of the node."""
        spans = self.ranges(*ENDS)
        for known in self.sets:
            spans.update(
                (part.first, part.last)
                for member in known.content.members
                for part in member.parts
                if isinstance(part, AddressPart)
            )
        things = self.view.cluster.network_sets if any(isinstance(leaf, Thing) for leaf in self.leaves) else ()
        spans.update(span for thing in things for span in thing.networks.get(self.family, ()))
        spans.update((a, a) for family, a in (*self.view.pods, *self.view.types.own) if family == self.family)
        spans.update((a, a) for a in SAMPLES[self.family])
        top = (1 << ADDRESS_BITS[self.family]) - 1
        return sorted({a for lo, hi in spans for a in (lo - 1, lo, hi, hi + 1) if 0 <= a <= top})

    def addresses(self, candidates: Iterable[int], role: Callable[[int], object]) -> list[int]:
        """The first candidate of each class."""
        spans = [leaf.ranges for leaf in self.leaves if isinstance(leaf, InRange) and leaf.field in ENDS]
        simple = {
            (leaf.name, leaf.nomatch): Member(leaf.name, ("src",), leaf.nomatch)
            for leaf in self.leaves
            if isinstance(leaf, Member) and self._one_dimension(leaf.name)
        }
        parts = [
            part
            for known in self.sets
            if not self._one_dimension(known.name)
            for member in known.content.members
            for part in member.parts
            if isinstance(part, AddressPart)
        ]
        found: dict[object, int] = {}
        for address in candidates:
            packet = Packet(self.family, address, address, TCP)
            signature = (
                role(address),
                tuple(any(lo <= address <= hi for lo, hi in ranges) for ranges in spans),
                tuple(holds(test, packet, self.view) for test in simple.values()),
                tuple(part.first <= address <= part.last for part in parts),
                self._labels(address),
            )
            found.setdefault(signature, address)
        return sorted(found.values())

    def _one_dimension(self, name: str) -> bool:
        """Whether membership is a matter of one address alone."""
        known = (self.view.sets or {}).get(name)
        if known is None:
            return True
        if known.content.kind == "list:set":
            return all(self._one_dimension(element) for element in known.content.lists)
        return known.content.dimensions == 1 and all(
            isinstance(member.parts[0], AddressPart) for member in known.content.members
        )

    def _labels(self, address: int) -> object:
        """What policies can see of the pod and of the network sets at an address."""
        pod = self.view.pods.get((self.family, address))
        packet = Packet(self.family, address, address, TCP)
        told = tuple(
            holds(leaf, packet, self.view) for leaf in self.leaves if isinstance(leaf, LabelIn | LabelText | Thing)
        )
        named = any(isinstance(leaf, PortNamed) for whole in self.leaves for leaf in _inside(whole))
        return pod and pod.namespace, told, pod.ports if pod and named else ()

    # ------------------------------------------------------------------ services

    def _port_spans(self, field: Field) -> list[tuple[Range, ...]]:
        spans = [leaf.ranges for leaf in self.leaves if isinstance(leaf, InRange) and leaf.field is field]
        direction = "src" if field is Field.SOURCE_PORT else "dst"
        asked = {leaf.name for leaf in self.leaves if isinstance(leaf, Member) and direction in leaf.directions}
        listed = {element for known in self.sets if known.name in asked for element in known.content.lists}
        spans.extend(
            ((part.first, part.last),)
            for known in self.sets
            if known.name in asked | listed
            for member in known.content.members
            for part in member.parts
            if isinstance(part, PortPart)
        )
        inside = [leaf for whole in self.leaves for leaf in _inside(whole)]
        names = {leaf.name for leaf in inside if isinstance(leaf, PortNamed)}
        if field is Field.DESTINATION_PORT:
            numbers = {port.number for pod in self.view.pods.values() for port in pod.ports if port.name in names}
            spans.extend(((number, number),) for number in sorted(numbers))
        return spans

    def ports(self, field: Field, usual: int) -> list[int]:
        """One port of each class, the usual one for its own."""
        spans = self._port_spans(field)
        around = {p for ranges in spans for lo, hi in ranges for p in (lo - 1, lo, hi, hi + 1)}
        candidates = [usual, *sorted(p for p in around | {1, 80, 65535} if 0 <= p <= 65535)]
        found: dict[object, int] = {}
        for port in candidates:
            found.setdefault(tuple(any(lo <= port <= hi for lo, hi in ranges) for ranges in spans), port)
        return sorted(found.values())

    def _values(self, field: Field, values: Iterable[int]) -> list[int]:
        """One value of each class of a small field."""
        tests = [leaf for leaf in self.leaves if isinstance(leaf, Masked | InRange) and leaf.field is field]
        name = {Field.TCP_FLAGS: "tcp_flags", Field.CT_STATUS: "ct_status"}[field]
        found: dict[object, int] = {}
        for value in values:
            packet = Packet(self.family, 0, 0, TCP, **{name: value})  # type: ignore[arg-type]
            found.setdefault(tuple(holds(test, packet, self.view) for test in tests), value)
        return list(found.values())

    def services(self, *, others: bool) -> list[Service]:
        """Every combination; `others` adds protocols that policies do not decide."""
        sources = self.ports(Field.SOURCE_PORT, 40000)
        destinations = self.ports(Field.DESTINATION_PORT, 8888)
        translated = self._values(Field.CT_STATUS, range(4))
        found: list[Service] = []
        for state in (ConnState.NEW, ConnState.ESTABLISHED, ConnState.RELATED):
            for protocol in (TCP, UDP, SCTP):
                usual = NEW_FLAGS if state is ConnState.NEW else KNOWN_FLAGS
                flags = self._values(Field.TCP_FLAGS, usual) if protocol == TCP else [0]
                found.extend(
                    Service(state, protocol, source, destination, 0, flag, status)
                    for source in sources
                    for destination in destinations
                    for flag in flags
                    for status in translated
                )
            if others:
                echo = (1, 8 << 8) if self.family == 4 else (58, 128 << 8)
                found.extend(Service(state, p, 0, 0, icmp, 0, 0) for p, icmp in (echo, (4, 0), (47, 0)))
        return found
