"""Which sets are to blame for a part of a finding, and which of their members are missing or surplus.

Spec: specs/questions/cause.md (WHY-2)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from verifier.evidence.regions import contains
from verifier.model.addresses import address_text, merge, networks, subtract, whole
from verifier.model.extent import extent, of_addresses
from verifier.model.fields import PROTOCOL_NAMES
from verifier.model.finding import Box, Finding, SetFault
from verifier.model.ipset import AddressPart, IpSet, PortPart, SetContent, SetMember
from verifier.model.node import NodeState
from verifier.model.predicate import Range, sets_of
from verifier.model.profile import IdealSet
from verifier.reference.chains import walk
from verifier.reference.view import View

LISTED = 3
NAMED = 2


class SetFaults:
    """The sets of a node that do not hold what they stand for."""

    def __init__(self, node: NodeState, view: View, wrong: Mapping[str, IdealSet]) -> None:
        self._node = node
        self._view = view
        self._wrong = wrong
        self._known: dict[str, SetFault] = {}
        self._touched: dict[str, tuple[Range, ...]] = {}

    def of(self, finding: Finding, region: tuple[Box, ...]) -> tuple[SetFault, ...]:
        """The sets to blame: those that the deciding rules ask, where the packet is right once they are repaired.

        Where they do not explain the packet, every wrong set whose wrong members are ends of packets of the region.
        """
        asked = dict.fromkeys(name for rule in finding.rules for name in sets_of(rule.match) if name in self._wrong)
        blamed = [name for name in asked if self._meets(name, region)]
        if not blamed or not self._enough(finding, region, blamed):
            blamed = [name for name in self._wrong if self._meets(name, region)]
        return tuple(self.fault(name) for name in blamed)

    def _enough(self, finding: Finding, region: tuple[Box, ...], names: list[str]) -> bool:
        packet = finding.witness.packet
        if not any(contains(box, packet) for box in region):
            return True
        sets = {**(self._node.sets or {}), **{name: self._wrong[name].content for name in names}}
        trace = walk(packet, finding.path, self._node, replace(self._view, sets=sets))
        return trace.verdict is not None and trace.verdict is not finding.witness.chains.verdict

    def _meets(self, name: str, region: tuple[Box, ...]) -> bool:
        wrong = self._wrong_addresses(name)
        return any(_overlap(wrong, box.source) or _overlap(wrong, box.destination) for box in region)

    def _wrong_addresses(self, name: str) -> tuple[Range, ...]:
        if name not in self._touched:
            missing, surplus = self._members(name)
            spans = [*_span(missing), *_span(surplus)]
            self._touched[name] = merge(spans) if spans else whole(self._family(name))
        return self._touched[name]

    def _members(self, name: str) -> tuple[tuple[SetMember, ...], tuple[SetMember, ...]]:
        loaded, ideal = (self._node.sets or {})[name].content, self._wrong[name].content.content
        if loaded.kind == "list:set" or ideal.kind == "list:set":
            return _unlisted(ideal, loaded), _unlisted(loaded, ideal)
        if of_addresses(loaded.members) and of_addresses(ideal.members):
            held, wanted = extent(loaded.members), extent(ideal.members)
            family = self._family(name)
            return _entries(family, subtract(wanted, held)), _entries(family, subtract(held, wanted))
        return _absent(ideal, loaded), _absent(loaded, ideal)

    def _family(self, name: str) -> int:
        known: IpSet = (self._node.sets or {})[name]
        return known.family or 4

    def fault(self, name: str) -> SetFault:
        """What a set holds that it should not, and lacks that it should."""
        if name not in self._known:
            missing, surplus = self._members(name)
            each, family = self._wrong[name], self._family(name)
            self._known[name] = SetFault(
                name,
                each.meaning,
                tuple(self._called(member, family) for member in missing),
                tuple(self._called(member, family) for member in surplus),
                each.quirk,
            )
        return self._known[name]

    def _called(self, member: SetMember, family: int) -> str:
        """A member with the pod that has its address."""
        part = member.parts[0] if member.parts else None
        if not isinstance(part, AddressPart) or part.first != part.last:
            return member.text
        pod = self._view.pods.get((family, part.first))
        return f"{member.text} ({pod.full_name if pod else 'no pod of the cluster'})"

    def sentence(self, faults: tuple[SetFault, ...]) -> str:
        """What is wrong with the sets, without a full stop."""
        if not faults:
            return "the chains are right once the sets hold what they stand for"
        told = [_told(fault) for fault in faults[:NAMED]]
        if len(faults) > NAMED:
            rest = len(faults) - NAMED
            told.append("1 more set is wrong" if rest == 1 else f"{rest} more sets are wrong")
        quirks = dict.fromkeys(fault.quirk for fault in faults if fault.quirk)
        own = "".join(f"; it is not stale: {quirk}" for quirk in quirks)
        return f"the chains are right, but {' and '.join(told)}{own}"


def _told(fault: SetFault) -> str:
    wrong = []
    if fault.missing:
        wrong.append(f"lacks {_some(fault.missing)}")
    if fault.surplus:
        wrong.append(f"wrongly holds {_some(fault.surplus)}")
    return f"set {fault.name} ({fault.meaning}) {' and '.join(wrong)}"


def _some(members: tuple[str, ...]) -> str:
    more = f" and {len(members) - LISTED} more" if len(members) > LISTED else ""
    return ", ".join(members[:LISTED]) + more


def _entries(family: int, ranges: Iterable[Range]) -> tuple[SetMember, ...]:
    """Addresses as members: one by one where they are single, else as networks."""
    found = []
    for first, last in ranges:
        if last - first < 8:
            found += [SetMember(address_text(family, a), (AddressPart(a, a),)) for a in range(first, last + 1)]
        else:
            found += [SetMember(text, (AddressPart(first, last),)) for text in networks(family, ((first, last),))]
    return tuple(found)


def _unlisted(some: SetContent, others: SetContent) -> tuple[SetMember, ...]:
    """The sets that one list of sets holds and the other does not."""
    return tuple(SetMember(f"set {name}", ()) for name in some.lists if name not in others.lists)


def _absent(some: SetContent, others: SetContent) -> tuple[SetMember, ...]:
    """The members of one content that the other has not."""
    known = {(member.parts, member.nomatch) for member in others.members}
    return tuple(_spelled(member) for member in some.members if (member.parts, member.nomatch) not in known)


def _spelled(member: SetMember) -> SetMember:
    """A member of address and port in one spelling, whoever wrote it."""
    ports = [part for part in member.parts if isinstance(part, PortPart)]
    if not ports or ports[0].protocol is None:
        return member
    return replace(member, text=f"{member.text.partition(',')[0]},{_port(ports[0])}")


def _port(part: PortPart) -> str:
    protocol = PROTOCOL_NAMES.get(part.protocol or 0, str(part.protocol))
    return f"{protocol}:{part.first}" + (f"-{part.last}" if part.last != part.first else "")


def _span(members: Iterable[SetMember]) -> list[Range]:
    return [(part.first, part.last) for member in members for part in member.parts if isinstance(part, AddressPart)]


def _overlap(some: tuple[Range, ...], others: tuple[Range, ...]) -> bool:
    """Whether two sorted lists of ranges share an address."""
    place = 0
    for first, last in some:
        while place < len(others) and others[place][1] < first:
            place += 1
        if place == len(others):
            return False
        if others[place][0] <= last:
            return True
    return False
