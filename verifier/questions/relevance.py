"""By what the rules and policies of a node can tell apart the pods that are other ends of a pod's packets.

For each pod of the node, every condition on labels that can count for a packet between it and a pod elsewhere: of the
policies that may select it, of those that may select the other end, and of the rules that its packets may meet.

Spec: specs/questions/for_all.md (FA-4)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from verifier.model.cluster import Cluster, Pod
from verifier.model.effect import Call, Effect, Goto, Translate
from verifier.model.extent import extent, of_addresses
from verifier.model.fields import End, Field
from verifier.model.ipset import AddressPart, IpSet
from verifier.model.policy import Action, Direction, Policy, PolicyRule, Tier
from verifier.model.predicate import (
    All,
    AnyOf,
    InRange,
    LabelIn,
    LabelText,
    Member,
    Named,
    Not,
    PortNamed,
    Predicate,
    Range,
    Thing,
    sets_of,
)
from verifier.model.profile import Selection
from verifier.model.ruleset import Ruleset
from verifier.semantics.conditions import Condition, Conditions, about_labels, only_labels
from verifier.semantics.line import cells
from verifier.semantics.things import networks_of

SIDE = {"src": End.SOURCE, "dst": End.DESTINATION}
ADDRESS = {End.SOURCE: Field.SOURCE, End.DESTINATION: Field.DESTINATION}
DEVICE = {End.SOURCE: Field.IN_INTERFACE, End.DESTINATION: Field.OUT_INTERFACE}
OTHER = {End.SOURCE: End.DESTINATION, End.DESTINATION: End.SOURCE}
PROTECTED = {Direction.INGRESS: End.DESTINATION, Direction.EGRESS: End.SOURCE}
FILTER = "filter"


@dataclass(frozen=True, slots=True, eq=False)
class Home:
    """A pod of the node as its own rules see it; `device` None where no one knows its interface."""

    pod: Pod
    address: int
    device: str | None


class Near:
    """Which pods of the node may, and which surely do, pass tests of the end that they are; masks over the pods."""

    def __init__(
        self,
        family: int,
        homes: Sequence[Home],
        cluster: Cluster,
        sets: Mapping[str, IpSet],
        selections: Mapping[str, Selection],
    ) -> None:
        self.all = (1 << len(homes)) - 1
        self.family = family
        self.homes = homes
        self.facts: Mapping[str, tuple[Range, ...]] = {}
        self._cluster = cluster
        self._sets = sets
        self._selections = selections
        self._known: dict[tuple[int, End], tuple[Predicate, tuple[int, int]]] = {}

    def passing(self, predicate: Predicate, end: End) -> tuple[int, int]:
        """(those that may, those that do) of the pods, as this end of packets of which no more is known."""
        key = (id(predicate), end)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = (predicate, self._passing(predicate, end))
        return found[1]

    def networks(self, part: Predicate) -> Iterator[Range]:
        """The networks of the network sets that a selector selects."""
        return networks_of(part, self.family, self._cluster)

    def _passing(self, predicate: Predicate, end: End) -> tuple[int, int]:
        match predicate:
            case All(parts):
                may = do = self.all
                for one in (self.passing(part, end) for part in parts):
                    may, do = may & one[0], do & one[1]
                return may, do
            case AnyOf(parts):
                may = do = 0
                for one in (self.passing(part, end) for part in parts):
                    may, do = may | one[0], do | one[1]
                return may, do
            case Not(part):
                may, do = self.passing(part, end)
                return self.all & ~do, self.all & ~may
            case _:
                known = self._elementary(predicate, end)
                return (self.all, 0) if known is None else known

    def _elementary(self, predicate: Predicate, end: End) -> tuple[int, int] | None:
        match predicate:
            case LabelIn(label, values) if label.end is end:
                found = (self._cluster.label(home.pod, label) for home in self.homes)
                return self._exactly(value is not None and (values is None or value in values) for value in found)
            case LabelText(label, test, text) if label.end is end:
                found = (self._cluster.label(home.pod, label) for home in self.homes)
                return self._exactly(value is not None and test.holds(value, text) for value in found)
            case InRange(field, ranges, family) if field is ADDRESS[end]:
                mine = family in (0, self.family)
                return self._exactly(mine and any(a <= h.address <= b for a, b in ranges) for h in self.homes)
            case Named(field, name, prefix) if field is DEVICE[end]:
                return self._named(name, prefix=prefix)
            case Member(name, (direction, *_), False) if SIDE[direction] is end:
                return self._members(name)
            case _:
                return None

    def _exactly(self, answers: Iterable[bool]) -> tuple[int, int]:
        mask = sum(1 << place for place, answer in enumerate(answers) if answer)
        return mask, mask

    def _named(self, name: str, *, prefix: bool) -> tuple[int, int]:
        may = do = 0
        for place, home in enumerate(self.homes):
            fits = home.device is not None and (home.device.startswith(name) if prefix else home.device == name)
            may |= (fits or home.device is None) << place
            do |= fits << place
        return may, do

    def _members(self, name: str) -> tuple[int, int] | None:
        selection = self._selections.get(name)
        if selection is not None:
            may, do = self.passing(selection.pods, End.SOURCE)
            held, _ = self._exactly(any(a <= h.address <= b for a, b in selection.networks) for h in self.homes)
            return may | held, 0 if selection.ports else do | held
        found = self._sets.get(name)
        if found is None or found.content.opaque or found.content.lists or found.content.dimensions != 1:
            return None
        parts = [member.parts[0] for member in found.content.members if not member.nomatch]
        spans = [(part.first, part.last) for part in parts if isinstance(part, AddressPart)]
        if len(spans) != len(found.content.members):
            return None
        return self._exactly(any(a <= home.address <= b for a, b in spans) for home in self.homes)


Spans: TypeAlias = tuple[Range, ...]
"""Addresses of the other end that something asks for together."""


class Relevance:
    """What counts for each pod of a node as one end of packets: conditions on the labels of the other one, and its addresses."""

    def __init__(
        self,
        end: End,
        near: Near,
        conditions: Conditions,
        selections: Mapping[str, Selection],
        sets: Mapping[str, IpSet],
    ) -> None:
        self._end = end
        self._far = OTHER[end]
        self._near = near
        self._conditions = conditions
        self._selections = selections
        self._sets = sets
        self._found: list[dict[Condition, None]] = [{} for _ in near.homes]
        self._spans: list[set[Spans]] = [set() for _ in near.homes]

    def of(self, place: int) -> tuple[frozenset[Condition], frozenset[Spans]]:
        """What counts for one pod."""
        return frozenset(self._found[place]), frozenset(self._spans[place])

    def add_spans(self, pods: int, spans: Iterable[Spans]) -> None:
        """Addresses of the other end that count for some pods."""
        found = {each for each in spans if each}
        for place in cells(pods) if found else ():
            self._spans[place] |= found

    def _add(self, pods: int, conditions: Iterable[Condition]) -> None:
        found = dict.fromkeys(conditions)
        for place in cells(pods) if found else ():
            self._found[place].update(found)

    def add_policies(self, tiers: Iterable[Tier]) -> None:
        """What policies ask of the other end of the pods that they may select."""
        for policy in (policy for tier in tiers for policy in tier.policies):
            for direction, subject in policy.subjects.items():
                selected = self._near.passing(subject, self._end)[0] if PROTECTED[direction] is self._end else 0
                if selected:
                    rules = [rule for rule in policy.rules if rule.direction is direction]
                    self._add(selected, (each for rule in rules for each in self._asked(rule)))
                    peers = (peer for rule in rules for peer in (rule.peer, *(each.peer for each in rule.readings)))
                    self.add_spans(selected, (each for peer in peers for each in self.addresses(peer)))

    def _asked(self, rule: PolicyRule) -> Iterator[Condition]:
        for peer, ports in _spoken(rule):
            labels = [each for part in about_labels(peer) for each in self._conditions.at_ports(part)]
            yield from labels
            for declares in self._at_ports(ports):
                yield declares
                yield from (self._conditions.every([part, declares]) for part in labels)

    def _at_ports(self, ports: Predicate) -> Iterator[Condition]:
        """What of a rule is no peer, and is asked of the other end all the same: its labels, and what it calls its ports."""
        yield from (each for part in about_labels(ports) for each in self._conditions.at_ports(part))
        if self._far is End.DESTINATION:
            yield from (self._conditions.declares(name, [number]) for name, number in self._numbers(ports))

    def _numbers(self, ports: Predicate) -> Iterator[tuple[str, tuple[int, int]]]:
        match ports:
            case PortNamed(protocol, name, _):
                declared = sorted(self._conditions.declared.get(name, ()))
                yield from ((name, each) for each in declared if each[0] == protocol)
            case All(parts) | AnyOf(parts):
                for part in parts:
                    yield from self._numbers(part)
            case Not(part):
                yield from self._numbers(part)
            case _:
                return

    def addresses(self, predicate: Predicate) -> Iterator[Spans]:
        """The addresses of the other end that a predicate asks for, and those in sets that stand for no pods."""
        match predicate:
            case InRange(field, ranges, family) if field is ADDRESS[self._far]:
                if family in (0, self._near.family):
                    yield ranges
            case Thing(end, part) if end is self._far:
                yield tuple(self._near.networks(part))
            case Member(name, directions, nomatch):
                for place, direction in enumerate(directions):
                    if SIDE[direction] is self._far:
                        yield from self._held(name, place, apart=nomatch)
            case All(parts) | AnyOf(parts):
                for part in parts:
                    yield from self.addresses(part)
            case Not(part):
                yield from self.addresses(part)
            case _:
                return

    def _held(self, name: str, place: int, *, apart: bool) -> Iterator[Spans]:
        """The addresses that a set holds; `apart`, those of each of its members."""
        found = self._sets.get(name)
        if name.startswith("@"):
            yield self._near.facts.get(name, ())
        elif name in self._selections:
            yield self._selections[name].networks
        elif found is not None:
            if place == 0:
                for listed in found.content.lists:
                    yield from self._held(listed, place, apart=apart)
            members = found.content.members
            if of_addresses(members):
                yield extent(members)
                if not apart:
                    return
            for part in {member.parts[place] for member in members if place < len(member.parts)}:
                if isinstance(part, AddressPart):
                    yield ((part.first, part.last),)

    def add_far_policies(self, tiers: Sequence[Tier]) -> None:
        """Which policies select the other end, as far as it matters what they say of the pods of the node."""
        grouped: dict[tuple[int, object], list[Condition]] = {}
        for tier in tiers:
            for policy in tier.policies:
                for direction, subject in policy.subjects.items():
                    if PROTECTED[direction] is self._far:
                        self._group(policy, direction, subject, tier.name, grouped)
        for (place, _), subjects in grouped.items():
            self._add(1 << place, [self._conditions.some(subjects)])

    def _group(
        self,
        policy: Policy,
        direction: Direction,
        subject: Predicate,
        tier: str,
        grouped: dict[tuple[int, object], list[Condition]],
    ) -> None:
        """Policies whose order counts, or that ask for more than labels, stand for themselves."""
        rules = [(rule, self._may_mean(rule)) for rule in policy.rules if rule.direction is direction]
        ordered = any(rule.action is not Action.ALLOW for rule, _ in rules)
        self.add_spans(self._near.all, self.addresses(subject))
        for rule, may in rules:
            for _, ports in _spoken(rule) if may else ():
                self._add(may, self._at_ports(ports))
                self.add_spans(may, self.addresses(ports))
        parts = list(about_labels(subject))
        for place in range(len(self._near.homes)):
            speaking = tuple(id(rule) for rule, may in rules if may >> place & 1)
            own = policy.name if ordered or not only_labels(subject) else ""
            for part in parts:
                key = (place, (tier, speaking, own, id(part) if own else 0))
                grouped.setdefault(key, []).append(self._conditions.of(part))

    def _may_mean(self, rule: PolicyRule) -> int:
        """The pods of which a rule may say something, as the peers that they are to a policy of the other end."""
        may = 0
        for peer, _ in _spoken(rule):
            may |= self._near.passing(peer, self._end)[0]
        return may

    def add_rules(self, ruleset: Ruleset) -> None:
        """What the rules that packets of the pods may meet ask of the address of the other end and the sets that it is in."""
        reached = _reached(ruleset, self._near, self._end)
        for key, chain in ruleset.chains.items():
            pods = reached.get(key, 0)
            for rule in chain.rules if pods else ():
                for match in (rule.match,) if rule.asked is None else (rule.match, rule.asked):
                    meeting = pods & _meeting(match, key[0], ruleset, self._near, self._end)
                    if meeting:
                        self._add(meeting, self._tested(match))
                        self.add_spans(meeting, self.addresses(match))
                        self._sent(rule.effect, meeting)

    def _sent(self, effect: Effect, meeting: int) -> None:
        """The addresses to which a translation sends what a pod has sent."""
        if self._end is End.SOURCE and isinstance(effect, Translate):
            self.add_spans(meeting, ((each.addresses,) for each in effect.targets if each.family == self._near.family))

    def _tested(self, match: Predicate) -> Iterator[Condition]:
        joint: list[Condition] = []
        apart: list[Condition] = []
        for part in _conjuncts(match):
            inner = part.part if isinstance(part, Not) else part
            if isinstance(inner, Member) and inner.name in self._selections:
                if SIDE[inner.directions[0]] is self._far:
                    held, entries = held_by(self._selections[inner.name], self._conditions)
                    apart.extend(entries)
                    if part is inner:
                        joint.append(held)
                    elif not entries:
                        joint.append(self._conditions.negated(held))
            else:
                for name in self._bound(sets_of(part)):
                    held, entries = held_by(self._selections[name], self._conditions)
                    apart.extend((held, *entries))
        if joint:
            yield self._conditions.every(joint)
            yield from (self._conditions.every([*joint, each]) for each in apart)
        yield from apart

    def _bound(self, names: Iterable[str]) -> Iterator[str]:
        """Those of some sets, and of the sets that they list, that stand for pods."""
        for name in names:
            if name in self._selections:
                yield name
            elif name in self._sets:
                yield from self._bound(self._sets[name].content.lists)


def _spoken(rule: PolicyRule) -> Iterator[tuple[Predicate, Predicate]]:
    """Peers and ports of a rule as it is read, narrowly and wider."""
    yield rule.peer, rule.ports
    yield from ((each.peer, each.ports) for each in rule.readings)


def held_by(selection: Selection, conditions: Conditions) -> tuple[Condition, list[Condition]]:
    """Whose address a set holds, and with each of the ports that it may hold beside it."""
    pods = conditions.of(selection.pods)
    named = [
        conditions.declares(name, [each])
        for protocol, name, number in selection.ports
        for each in sorted(conditions.declared.get(name, ()))
        if protocol in (None, each[0]) and number in (None, each[1])
    ]
    if selection.entries:
        return pods, [conditions.every([pods, each]) for each in named]
    if selection.ports:
        return conditions.every([pods, conditions.some(named)]), []
    return pods, []


def _conjuncts(predicate: Predicate) -> Iterator[Predicate]:
    if isinstance(predicate, All):
        for part in predicate.parts:
            yield from _conjuncts(part)
    else:
        yield predicate


def _meeting(match: Predicate, table: str, ruleset: Ruleset, near: Near, end: End) -> int:
    """The pods of which some packet may match; before a translation a packet's destination is not yet the pod."""
    if table != FILTER and end is End.DESTINATION and ruleset.translates:
        return near.all
    return near.passing(match, end)[0]


def _reached(ruleset: Ruleset, near: Near, end: End) -> dict[tuple[str, str], int]:
    """The pods of which some packet may come to each chain."""
    reached = {key: near.all for key, chain in ruleset.chains.items() if chain.policy is not None}
    pending = list(reached)
    while pending:
        key = pending.pop()
        for rule in ruleset.chains[key].rules:
            if not isinstance(rule.effect, Call | Goto):
                continue
            target = (key[0], rule.effect.chain)
            pods = reached[key] & _meeting(rule.match, key[0], ruleset, near, end)
            if target in ruleset.chains and pods & ~reached.get(target, 0):
                reached[target] = reached.get(target, 0) | pods
                pending.append(target)
    return reached
