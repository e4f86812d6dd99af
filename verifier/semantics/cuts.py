"""Collects every boundary that a rule, a set or a policy of one family can see.

Spec: specs/universe.md
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from verifier.model.fields import End, Field, Label
from verifier.model.ipset import AddressPart, InterfacePart, IpSet, PortPart, SetMember
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
    Range,
    Thing,
)
from verifier.semantics.services import ServiceCuts

WIDTH = {4: 32, 6: 128}
SPECIAL: dict[int, dict[str, tuple[Range, ...]]] = {
    4: {
        "unspecified": ((0, 0),),
        "loopback": ((0x7F000000, 0x7FFFFFFF),),
        "multicast": ((0xE0000000, 0xEFFFFFFF),),
        "broadcast": ((0xFFFFFFFF, 0xFFFFFFFF),),
    },
    6: {
        "unspecified": ((0, 0),),
        "loopback": ((1, 1),),
        "multicast": ((0xFF << 120, (1 << 128) - 1),),
        "link-local": ((0xFE80 << 112, (0xFEC0 << 112) - 1),),
    },
}
"""Addresses that no forwarded packet has (specs/universe.md U-30)."""


class Cuts:
    """Boundaries of one address family; visit everything, then build the lines from it."""

    def __init__(self, family: int) -> None:
        self.family = family
        self.addresses: set[Range] = {r for ranges in SPECIAL[family].values() for r in ranges}
        self.services = ServiceCuts.empty()
        self.labels: set[Label] = set()
        self.names: set[tuple[int, str]] = set()
        self.source_names: set[tuple[int, str]] = set()
        self.sets: set[str] = set()
        self.interfaces: set[tuple[str, bool]] = set()
        self.states: set[tuple[Range, ...]] = set()
        self._seen: set[int] = set()

    def visit(self, predicate: Predicate) -> None:
        """Take the boundaries of a predicate; predicates must outlive this object."""
        match predicate:
            case InRange():
                self._in_range(predicate)
            case Masked(field, value, mask):
                if field is Field.TCP_FLAGS:
                    self.services.flags.add((value, mask))
                elif field is Field.CT_STATUS:
                    self.services.status.add((value, mask))
            case All(parts) | AnyOf(parts):
                if id(predicate) not in self._seen:
                    self._seen.add(id(predicate))
                    for part in parts:
                        self.visit(part)
            case Not(part) | Thing(_, part):
                self.visit(part)
            case Member(name):
                self.sets.add(name)
            case LabelIn(label) | LabelText(label):
                self.labels.add(label)
            case Named(Field.IN_INTERFACE | Field.OUT_INTERFACE, name, prefix):
                self.interfaces.add((name, prefix))
            case PortNamed(protocol, name, _, end):
                (self.names if end is End.DESTINATION else self.source_names).add((protocol, name))
                self.services.protocols.add((protocol, protocol))
            case _:
                pass

    def _in_range(self, predicate: InRange) -> None:
        field = predicate.field
        if field in (Field.SOURCE, Field.DESTINATION):
            if predicate.family in (0, self.family):
                self.addresses.update(predicate.ranges)
        elif field is Field.STATE:
            self.states.add(predicate.ranges)
        elif field is Field.PROTOCOL:
            self.services.protocols.update(predicate.ranges)
        elif field in self.services.ports:
            self.services.ports[field].update(predicate.ranges)
        elif field is Field.TCP_FLAGS:
            self.services.flags.update((value, 255) for lo, hi in predicate.ranges for value in range(lo, hi + 1))
        elif field is Field.CT_STATUS:
            self.services.status.update((value, 3) for lo, hi in predicate.ranges for value in range(lo, hi + 1))

    def visit_sets(self, sets: Mapping[str, IpSet]) -> None:
        """Take the boundaries of every set that a visited predicate names, and of the sets in those."""
        members: set[SetMember] = set()
        contents: set[int] = set()
        names = list(self.sets)
        known = set(names)
        while names:
            found = sets.get(names.pop())
            if found is None or found.family not in (0, self.family) or id(found.content) in contents:
                continue
            contents.add(id(found.content))
            members.update(found.content.members)
            fresh = [name for name in found.content.lists if name not in known]
            known.update(fresh)
            names.extend(fresh)
        for member in members:
            self._member(member)

    def _member(self, member: SetMember) -> None:
        for part in member.parts:
            if isinstance(part, AddressPart):
                if part.last < 1 << WIDTH[self.family]:
                    self.addresses.add((part.first, part.last))
            elif isinstance(part, PortPart):
                self._port(part)
            elif isinstance(part, InterfacePart):
                self.interfaces.add((part.name, False))

    def _port(self, part: PortPart) -> None:
        if part.protocol is not None:
            self.services.protocols.add((part.protocol, part.protocol))
        field_pair = (Field.ICMP,) if part.protocol in (1, 58) else (Field.DESTINATION_PORT, Field.SOURCE_PORT)
        for field in field_pair:
            self.services.ports[field].add((part.first, part.last))

    def add_addresses(self, ranges: Iterable[Range]) -> None:
        self.addresses.update(ranges)

    def add_port(self, protocol: int, name: str, number: int) -> None:
        """A port that a container declares, which counts where some policy uses its name."""
        for names, field in ((self.names, Field.DESTINATION_PORT), (self.source_names, Field.SOURCE_PORT)):
            if (protocol, name) in names:
                self.services.protocols.add((protocol, protocol))
                self.services.ports[field].add((number, number))
