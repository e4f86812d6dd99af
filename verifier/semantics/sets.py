"""What membership in a set means: boxes of packets, by the content of the set and the ends it is asked about.

Spec: specs/chains/sets.md
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import groupby
from operator import or_
from typing import TypeAlias

from verifier.model.fields import SCTP, TCP, UDP, UDPLITE, Field
from verifier.model.ipset import (
    AddressPart,
    InterfacePart,
    IpSet,
    Part,
    PortPart,
    SetContent,
    SetMember,
    lasting,
)
from verifier.model.predicate import Range
from verifier.semantics.atoms import NameTest
from verifier.semantics.boxes import Box3, meet, merge
from verifier.semantics.cuts import WIDTH
from verifier.semantics.line import Line
from verifier.semantics.services import Services

PORTED = (TCP, UDP, SCTP, UDPLITE)
"""Protocols whose ports a set reads; all others but ICMP have port 0 there (SET-6)."""


MARKING_KINDS = ("hash:net", "hash:ip,port,net", "list:set")
"""How the types begin of which `--return-nomatch` asks something else; on others it says nothing (SE-3)."""


Alternatives: TypeAlias = tuple[tuple[NameTest, Box3], ...]
"""Tests of an interface, each with the packets for which it counts."""


class UnclearSetError(Exception):
    """Membership that has no static meaning here; the text says why."""


class SetMeanings:
    """Meanings of the sets of a node in one family, computed once per content and directions."""

    def __init__(
        self,
        family: int,
        addresses: Line,
        services: Services,
        sets: Mapping[str, IpSet] | None,
        facts: Mapping[str, tuple[Range, ...]],
    ) -> None:
        self._family = family
        self._addresses = addresses
        self._services = services
        self._sets = sets
        self._facts = facts
        self._members: dict[SetMember, int] = {}
        self._known: dict[tuple[object, tuple[str, ...], bool], list[Box3]] = {}

    @property
    def everything(self) -> Box3:
        return (self._addresses.all, self._addresses.all, self._services.all)

    def boxes(self, name: str, directions: tuple[str, ...], nomatch: bool = False) -> list[Box3]:
        """The packets that are members; raises UnclearSetError where that is not known (SET-1)."""
        if name.startswith("@"):
            return self._fact(name, directions)
        found = None if self._sets is None else self._sets.get(name)
        if found is None:
            raise UnclearSetError(f"set {name} is not in ipset-save")
        if found.family not in (0, self._family):
            return []
        nomatch = nomatch and found.content.kind.startswith(MARKING_KINDS)
        key = (id(found.content), directions, nomatch)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._content(name, found.content, directions, nomatch)
        return known

    def lasts(self, name: str) -> bool:
        """Whether a packet is in the set or not however often it is asked (SET-18)."""
        return lasting(name, self._sets)

    def names_interfaces(self, name: str) -> bool:
        """Whether the set's entries name interfaces, so that `guarded` tells what it means."""
        found = None if self._sets is None else self._sets.get(name)
        return found is not None and found.content.kind == "hash:net,iface"

    def guarded(self, name: str, directions: tuple[str, ...]) -> tuple[Alternatives, Alternatives]:
        """Members of a hash:net,iface set by interface: the boxes of the addresses whose longest network has it.

        First those for certain, then those that a longer network with a bridge port may hide (SET-17).
        """
        assert self._sets is not None
        found = self._sets[name]
        if found.family not in (0, self._family) or len(directions) < found.content.dimensions:
            return (), ()
        if found.content.opaque:
            raise UnclearSetError(f"set {name}: {found.content.opaque}")
        masks: dict[str, int] = {}
        hiding = 0
        for _, group in groupby(sorted(found.content.members, key=_size, reverse=True), key=_size):
            members = [(each, part) for each in group if isinstance(part := each.parts[1], InterfacePart)]
            named = [(each, part.name) for each, part in members if not part.physical]
            held = reduce(or_, (self._member(each) for each, _ in named), 0)
            masks = {interface: mask & ~held for interface, mask in masks.items()}
            for each, interface in named:
                masks[interface] = masks.get(interface, 0) | (0 if each.nomatch else self._member(each))
            ports = reduce(or_, (self._member(each) for each, part in members if part.physical), 0)
            hiding = (hiding | ports) & ~held
        outgoing = directions[1] == "dst"
        tests = [(NameTest(outgoing, interface, False, False), mask) for interface, mask in masks.items()]
        sure, perhaps = (
            tuple((test, self._end(directions[0], mask & world)) for test, mask in tests if mask & world)
            for world in (~hiding, hiding)
        )
        return sure, perhaps

    def _fact(self, name: str, directions: tuple[str, ...]) -> list[Box3]:
        ranges = self._facts.get(name)
        if ranges is None:
            raise UnclearSetError(f"the node's {name[1:]} addresses are not known")
        mask = reduce(or_, (self._addresses.mask(lo, hi) for lo, hi in ranges), 0)
        return [self._end(directions[0], mask)] if mask else []

    def _end(self, direction: str, mask: int) -> Box3:
        source, destination, services = self.everything
        return (mask, destination, services) if direction == "src" else (source, mask, services)

    def _content(self, name: str, content: SetContent, directions: tuple[str, ...], nomatch: bool) -> list[Box3]:
        if content.kind == "list:set":
            if nomatch:
                raise UnclearSetError(f"set {name}: nomatch of a list of sets")
            return merge([box for member in content.lists for box in self._listed(member, directions)])
        if len(directions) < content.dimensions:
            return []
        if content.opaque:
            raise UnclearSetError(f"set {name}: {content.opaque}")
        if content.dimensions == 1 and _all_addresses(content.members):
            mask = self._net(content.members, nomatch)
            return [self._end(directions[0], mask)] if mask else []
        if nomatch or any(member.nomatch for member in content.members):
            raise UnclearSetError(f"set {name}: entries marked nomatch in a set of several dimensions")
        return self._product(name, content.members, directions)

    def _listed(self, name: str, directions: tuple[str, ...]) -> list[Box3]:
        found = None if self._sets is None else self._sets.get(name)
        if found is not None and found.content.kind == "list:set":
            raise UnclearSetError(f"set {name}: a list inside a list of sets")
        return self.boxes(name, directions)

    def _net(self, members: Sequence[SetMember], want_nomatch: bool) -> int:
        """Addresses whose longest matching entry is plain (or marked nomatch)."""
        if not want_nomatch and not any(member.nomatch for member in members):
            return reduce(or_, map(self._member, members), 0)
        plain = marked = 0
        for member in sorted(members, key=_size, reverse=True):
            mask = self._member(member)
            if member.nomatch:
                plain &= ~mask
                marked |= mask
            else:
                plain |= mask
                marked &= ~mask
        return marked if want_nomatch else plain

    def _member(self, member: SetMember) -> int:
        found = self._members.get(member)
        if found is None:
            part = member.parts[0]
            assert isinstance(part, AddressPart)
            fits = part.last < 1 << WIDTH[self._family]
            found = self._members[member] = self._addresses.mask(part.first, part.last) if fits else 0
        return found

    def _product(self, name: str, members: Sequence[SetMember], directions: tuple[str, ...]) -> list[Box3]:
        """Members of several dimensions (or of ports): gathered per combination of the other parts, then merged."""
        gathered: dict[tuple[int, int], int] = {}
        for first, tail in self._alike(name, members, directions):
            box = [first]
            for part, direction in zip(tail, directions[1:], strict=False):
                box = meet(box, [self._part(name, part, direction)])
            for source, destination, service in box:
                key = (destination, service)
                gathered[key] = gathered.get(key, 0) | source
        return merge([(source, *key) for key, source in gathered.items()])

    def _alike(
        self, name: str, members: Sequence[SetMember], directions: tuple[str, ...]
    ) -> Iterator[tuple[Box3, tuple[Part, ...]]]:
        """First parts with the others: all addresses that have the same others at once."""
        addresses: dict[tuple[Part, ...], int] = {}
        for member in members:
            first, *tail = member.parts
            if isinstance(first, AddressPart):
                addresses[tuple(tail)] = addresses.get(tuple(tail), 0) | self._addresses.mask(first.first, first.last)
            else:
                yield self._part(name, first, directions[0]), tuple(tail)
        for others, mask in addresses.items():
            yield self._end(directions[0], mask), others

    def _part(self, name: str, part: object, direction: str) -> Box3:
        if isinstance(part, AddressPart):
            return self._end(direction, self._addresses.mask(part.first, part.last))
        if isinstance(part, PortPart):
            source, destination, _ = self.everything
            return (source, destination, self._port(part, direction))
        raise UnclearSetError(f"set {name}: entries with interfaces, marks or hardware addresses")

    def _port(self, part: PortPart, direction: str) -> int:
        services = self._services
        protocols = (part.protocol,) if part.protocol is not None else (TCP, UDP)
        mask = services.protocols([(p, p) for p in protocols])
        if part.protocol in (1, 58):
            return mask & services.within(Field.ICMP, ((part.first, part.last),))
        field = Field.SOURCE_PORT if direction == "src" else Field.DESTINATION_PORT
        if part.protocol is None or part.protocol in PORTED:
            return mask & services.within(field, ((part.first, part.last),))
        return mask if part.first == 0 else 0


def _all_addresses(members: Sequence[SetMember]) -> bool:
    return all(type(member.parts[0]) is AddressPart for member in members)


def _size(member: SetMember) -> int:
    part = member.parts[0]
    assert isinstance(part, AddressPart)
    return part.last - part.first
