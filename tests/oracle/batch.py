"""Many concrete packets at once: every packet is one bit of an integer, every test the packets that pass it.

The packets are all combinations of ends and services. A test is put to the reference for each distinct value of the
fields that it reads, so that its meaning is the reference's; only and, or and not are done on all packets at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

from tests.oracle.classes import Service, leaves
from verifier.model.fields import ConnState, End, Field
from verifier.model.ipset import AddressPart, InterfacePart, PortPart
from verifier.model.packet import Packet
from verifier.model.path import IN_INTERFACE_CHAINS, OUT_INTERFACE_CHAINS, OUT_PORT_CHAINS, Path
from verifier.model.predicate import (
    All,
    AnyOf,
    InRange,
    LabelIn,
    LabelText,
    Masked,
    Member,
    Named,
    Not,
    PortNamed,
    Predicate,
    Thing,
)
from verifier.reference.predicates import holds
from verifier.reference.view import View

Answer: TypeAlias = tuple[int, int]
"""(packets for which a test can hold, packets for which it surely does)."""
Hook: TypeAlias = tuple[bool, ...]
"""Whether packets have an in-interface, an out-interface and a port to leave by at a built-in chain, and no state yet."""
Marks: TypeAlias = Mapping[int, int]
"""The packets that have a bit of the mark (0 to 31) or of the connmark (32 to 63) set, or are not tracked (64)."""

SHIFT = {Field.MARK: 0, Field.CONNMARK: 32}
UNTRACKED = 64
FULL = 0xFFFFFFFF
NOTHING = Service(ConnState.NEW, 0, 0, 0, 0, 0, 0)
CARRIED = {
    "service": ("state", "protocol", "source_port", "destination_port", "icmp", "tcp_flags", "ct_status"),
    "state": ("state",),
    "protocol": ("protocol",),
    "source port": ("protocol", "source_port"),
    "destination port": ("protocol", "destination_port"),
    "icmp": ("protocol", "icmp"),
    "tcp flags": ("protocol", "tcp_flags"),
    "conntrack status": ("ct_status",),
}
"""Groups of services: those that agree in what a test of one field reads."""
READS = {
    Field.SOURCE: "source",
    Field.DESTINATION: "destination",
    Field.IN_INTERFACE: "inward",
    Field.OUT_INTERFACE: "outward",
    Field.PHYS_IN: "port in",
    Field.PHYS_OUT: "port out",
    Field.BRIDGED: "bridged",
}
CROSSED = ("inward", "outward", "port in", "port out", "bridged")
"""The parts that batches alike may differ in."""


def _never_tracked(service: object) -> bool:
    assert isinstance(service, Service)
    return service.state is ConnState.UNTRACKED


def _only(service: Service, keep: tuple[str, ...]) -> Service:
    """The service with nothing but these fields."""
    return Service(*(getattr(service if name in keep else NOTHING, name) for name in CARRIED["service"]))


@dataclass(frozen=True, slots=True)
class Ends:
    """Where a packet comes from and goes to."""

    path: Path
    source: int
    destination: int
    in_interface: str
    out_interface: str
    phys_in: str = ""
    phys_out: str = ""
    bridged: int = 0


class Batch:
    """All combinations of ends and services of one family; bit number = ends * count of services + service.

    `like` is a batch that differs from this one in interfaces and bridge ports only: what is known there of addresses and
    services holds here too.
    """

    def __init__(
        self,
        family: int,
        ends: Sequence[Ends],
        services: Sequence[Service],
        view: View,
        like: Batch | None = None,
    ) -> None:
        self.family = family
        self.ends = ends
        self.services = services
        self.view = view
        self.count = len(ends) * len(services)
        self.untracks = False
        self.early = False  # at a hook before connection tracking: what is not yet untracked has no state
        self.all = (1 << self.count) - 1
        self._every = sum(1 << n * len(services) for n in range(len(ends)))
        run = (1 << len(services)) - 1
        self.values: dict[str, dict[object, int]] = {name: {} for name in ("path", *READS.values(), *CARRIED)}
        for number, end in enumerate(ends):
            mask = run << number * len(services)
            for name, value in (
                ("path", end.path),
                ("source", end.source),
                ("destination", end.destination),
                ("inward", end.in_interface),
                ("outward", end.out_interface),
                ("port in", end.phys_in),
                ("port out", end.phys_out),
                ("bridged", end.bridged),
            ):
                known = self.values[name]
                known[value] = known.get(value, 0) | mask
        for number, service in enumerate(services):
            for name, keep in CARRIED.items():
                groups, kept = self.values[name], _only(service, keep)
                groups[kept] = groups.get(kept, 0) | self._every << number
        self._known: dict[tuple[Predicate, Hook], Answer] = {}
        self._lasting: dict[Predicate, Answer] = like._lasting if like else {}
        self._samples: dict[tuple[tuple[str, ...], Hook], list[tuple[Packet, int]]] = {}
        self._whole: dict[tuple[int, Hook], Answer] = {}
        self._kept: list[Predicate] = []

    def packet(self, number: int) -> Packet:
        """The packet behind a bit."""
        end, service = self.ends[number // len(self.services)], self.services[number % len(self.services)]
        return Packet(
            family=self.family,
            source=end.source,
            destination=end.destination,
            protocol=service.protocol,
            source_port=service.source_port,
            destination_port=service.destination_port,
            icmp=service.icmp,
            tcp_flags=service.tcp_flags,
            state=service.state,
            ct_status=service.ct_status,
            in_interface=end.in_interface,
            out_interface=end.out_interface,
            phys_in=end.phys_in,
            phys_out=end.phys_out,
            bridged=end.bridged,
        )

    def path(self, number: int) -> Path:
        """The path of the packet behind a bit."""
        return self.ends[number // len(self.services)].path

    def where(self, name: str, test: Callable[[object], bool]) -> int:
        """The packets whose path, end, interface or service passes a test."""
        out = 0
        for value, mask in self.values[name].items():
            if test(value):
                out |= mask
        return out

    # ------------------------------------------------------------------ predicates

    def ask(self, predicate: Predicate, hook: str = "", marks: Marks | None = None) -> Answer:
        """Where a predicate can and where it surely holds, at a built-in chain with these marks."""
        at = tuple(not hook or hook in known for known in (IN_INTERFACE_CHAINS, OUT_INTERFACE_CHAINS, OUT_PORT_CHAINS))
        at = (*at, self.early)
        key = (id(predicate), at)
        known = self._whole.get(key)
        if known is not None:
            return known
        marked = [False]
        answer = self._ask(predicate, at, marks or {}, marked)
        if not marked[0]:
            self._whole[key] = answer
            self._kept.append(predicate)
        return answer

    def _ask(self, predicate: Predicate, at: Hook, marks: Marks, marked: list[bool]) -> Answer:
        match predicate:
            case All(parts):
                can = sure = self.all
                for part in parts:
                    one = self._ask(part, at, marks, marked)
                    can &= one[0]
                    sure &= one[1]
                return can, sure
            case AnyOf(parts):
                can = sure = 0
                for part in parts:
                    one = self._ask(part, at, marks, marked)
                    can |= one[0]
                    sure |= one[1]
                return can, sure
            case Not(part):
                can, sure = self._ask(part, at, marks, marked)
                return self.all ^ sure, self.all ^ can
            case Masked(Field.MARK | Field.CONNMARK as field, value, mask):
                marked[0] = True
                held = self._marked(SHIFT[field], value, mask, marks)
                return held, held
            case InRange(Field.MARK | Field.CONNMARK as field, ranges):
                marked[0] = True
                assert all(lo == hi for lo, hi in ranges), predicate
                held = 0
                for value, _ in ranges:
                    held |= self._marked(SHIFT[field], value, FULL, marks)
                return held, held
            case InRange(Field.STATE, ranges) if self.early:
                marked[0] = True
                held = self.all if any(lo <= ConnState.INVALID <= hi for lo, hi in ranges) else 0
                lost = marks.get(UNTRACKED, 0) | self.where("state", _never_tracked)
                held = held & ~lost | (lost if any(lo <= ConnState.UNTRACKED <= hi for lo, hi in ranges) else 0)
                return held, held
            case Masked(Field.CT_STATUS, value) if self.early:
                held = 0 if value else self.all
                return held, held
            case InRange(Field.STATE, ranges) if self.untracks:
                marked[0] = True
                return self._tracked(predicate, at, marks, any(lo <= ConnState.UNTRACKED <= hi for lo, hi in ranges))
            case Masked(Field.CT_STATUS, value) if self.untracks:
                marked[0] = True
                return self._tracked(predicate, at, marks, value == 0)
        return self._single(predicate, at)

    def _tracked(self, predicate: Predicate, at: Hook, marks: Marks, otherwise: bool) -> Answer:
        """The answer of a test of what tracking knows, and another one for packets that it never saw."""
        can, sure = self._single(predicate, at)
        lost = marks.get(UNTRACKED, 0)
        extra = lost if otherwise else 0
        return can & ~lost | extra, sure & ~lost | extra

    def _single(self, predicate: Predicate, at: Hook) -> Answer:
        if predicate in self._lasting:
            return self._lasting[predicate]
        key = (predicate, at)
        if key not in self._known:
            names = self._reads(predicate)
            answer = self._leaf(predicate, names, at)
            if names and not set(CROSSED) & set(names):
                self._lasting[predicate] = answer
                return answer
            self._known[key] = answer
        return self._known[key]

    def _marked(self, shift: int, value: int, mask: int, marks: Marks) -> int:
        if value & ~mask:
            return 0
        out = self.all
        for bit in range(32):
            if mask >> bit & 1:
                held = marks.get(shift + bit, 0)
                out &= held if value >> bit & 1 else self.all ^ held
        return out

    def _leaf(self, leaf: Predicate, names: tuple[str, ...], at: Hook) -> Answer:
        can = sure = 0
        for packet, mask in self._sampled(names, at):
            answer = holds(leaf, packet, self.view)
            if answer is not False:
                can |= mask
            if answer is True:
                sure |= mask
        return can, sure

    def _sampled(self, names: tuple[str, ...], at: Hook) -> list[tuple[Packet, int]]:
        """A packet for every combination of the values of these parts, with the packets that it stands for."""
        key = (names, at)
        if key not in self._samples:
            found: list[tuple[Packet, int]] = []
            for chosen in product(*(self.values[name].items() for name in names)):
                mask = self.all
                for _, part in chosen:
                    mask &= part
                if mask:
                    found.append((self._sample(names, [value for value, _ in chosen], at), mask))
            self._samples[key] = found
        return self._samples[key]

    def _sample(self, names: tuple[str, ...], values: list[object], at: Hook) -> Packet:
        """A packet with these values; what the test does not read is anything."""
        inward, outward, parting, _ = at
        ends: dict[str, Any] = {"source": 0, "destination": 0, "bridged": 0}
        service = NOTHING
        for name, value in zip(names, values, strict=True):
            if isinstance(value, Service):
                service = value
            else:
                ends[name] = value
        return Packet(
            family=self.family,
            source=ends["source"],
            destination=ends["destination"],
            protocol=service.protocol,
            source_port=service.source_port,
            destination_port=service.destination_port,
            icmp=service.icmp,
            tcp_flags=service.tcp_flags,
            state=service.state,
            ct_status=service.ct_status,
            in_interface=ends.get("inward", "") if inward else "",
            out_interface=ends.get("outward", "") if outward else "",
            phys_in=ends.get("port in", ""),
            phys_out=ends.get("port out", "") if parting else "",
            bridged=ends["bridged"] if parting else 0,
        )

    def _reads(self, leaf: Predicate) -> tuple[str, ...]:
        """The parts of a packet that a test reads."""
        match leaf:
            case InRange(field) | Masked(field) | Named(field):
                name = READS.get(field, field.value)
                return (name,) if name in self.values else ()
            case LabelIn(label) | LabelText(label):
                return ("source" if label.end is End.SOURCE else "destination",)
            case Thing(end):
                return self._thing_reads(end, leaf.part)
            case PortNamed():
                return ("destination", "destination port")
            case Member():
                return self._set_reads(leaf)
            case _:
                return ()

    def _thing_reads(self, end: End, part: Predicate) -> tuple[str, ...]:
        """The address of the end, and the port that a name of its pod is compared with."""
        named = any(isinstance(leaf, PortNamed) for leaf in leaves(part))
        return ("source" if end is End.SOURCE else "destination", *(("service",) if named else ()))

    def _set_reads(self, test: Member) -> tuple[str, ...]:
        known = (self.view.sets or {}).get(test.name)
        if known is None:
            return ("source" if test.directions[0] == "src" else "destination",)
        elements = [(self.view.sets or {}).get(name) for name in known.content.lists] or [known]
        found: dict[str, None] = {}
        for element in elements:
            for member in element.content.members if element else ():
                for part, direction in zip(member.parts, test.directions, strict=False):
                    away = direction == "dst"
                    match part:
                        case AddressPart():
                            found["destination" if away else "source"] = None
                        case PortPart():
                            found["service"] = None
                        case InterfacePart():
                            found["outward" if away else "inward"] = None
                        case _:
                            raise NotImplementedError(f"a set of marks or hardware addresses: {test.name}")
        return tuple(found)
