"""What policies allow, for every packet between ends whose labels, namespaces and addresses are free.

Every formula is a pair: what surely holds and what possibly holds. They are the same but where something without a static
meaning is asked, which counts as holding in one of them only.

Spec: specs/questions/layer.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import TypeAlias

from verifier.model.assumption import EQUAL_PRIORITIES
from verifier.model.cluster import NetworkSet
from verifier.model.fields import NAMESPACE_NAME, End, Field, Label, Scope
from verifier.model.layer import Asked, Outcome
from verifier.model.policy import Action, Direction, Policy, PolicyRule, Tier
from verifier.model.predicate import (
    All,
    AnyOf,
    InRange,
    LabelIn,
    LabelText,
    Masked,
    Not,
    Opaque,
    PortNamed,
    Predicate,
    Thing,
    all_of,
)
from verifier.semantics.free.networks import satisfies
from verifier.semantics.free.space import ADDRESS, SERVICE, FreeSpace
from verifier.semantics.readings import Counting, read
from verifier.semantics.ties import broken, contested
from verifier.smt.formula import FALSE, TRUE, Literal

Pair: TypeAlias = tuple[Literal, Literal]
"""(what surely holds, what possibly holds)."""

SURE: Pair = (TRUE, TRUE)
NEVER: Pair = (FALSE, FALSE)
NOBODY: Mapping[int, Policy] = {}
ENDS = {Field.SOURCE: End.SOURCE, Field.DESTINATION: End.DESTINATION}
OUTCOME = {Action.ALLOW: Outcome.ALLOWED, Action.DENY: Outcome.DENIED, Action.PASS: Outcome.PASSED}


@dataclass(frozen=True, slots=True)
class Matched:
    """One reading of a rule: what it does with the packets that it matches, of ends that its policy selects."""

    rule: PolicyRule
    action: Action
    packets: Pair


@dataclass(frozen=True, slots=True)
class Decisions:
    """A policy in one direction: the ends that it selects, and its rules in order."""

    policy: Policy
    selected: Pair
    rules: tuple[Matched, ...]


class FreePolicies:
    """Policies over one space, of a cluster with these network sets."""

    def __init__(self, space: FreeSpace, network_sets: Iterable[NetworkSet] = ()) -> None:
        self._network_sets = tuple(network_sets)
        self._space = space
        self._store = space.store
        self._known: dict[Predicate, Pair] = {}
        self._decided: dict[tuple[int, Direction, Counting], Decisions | None] = {}
        self._policies: list[Policy] = []  # those of the identities above, which nobody else may have
        self.opaque: dict[str, None] = {}

    def both(self, a: Pair, b: Pair) -> Pair:
        """Conjunction."""
        if a[0] == a[1] and b[0] == b[1]:
            one = self._store.both(a[0], b[0])
            return one, one
        return self._store.both(a[0], b[0]), self._store.both(a[1], b[1])

    def either(self, parts: Iterable[Pair]) -> Pair:
        """Disjunction."""
        known = list(parts)
        sure = self._store.either([each[0] for each in known])
        if all(each[0] == each[1] for each in known):
            return sure, sure
        return sure, self._store.either([each[1] for each in known])

    def choice(self, condition: Pair, then: Pair, otherwise: Pair) -> Pair:
        """What holds where the condition does, and what where it does not."""
        agreed = self.both(then, otherwise) if condition[0] != condition[1] else NEVER
        return self.either([self.both(condition, then), self.both(negation(condition), otherwise), agreed])

    def predicate(self, predicate: Predicate) -> Pair:
        """The packets of which a predicate holds."""
        found = self._known.get(predicate)
        if found is None:
            found = self._known[predicate] = self._meaning(predicate)
        return found

    def _meaning(self, predicate: Predicate) -> Pair:
        space = self._space
        match predicate:
            case All(parts):
                return self._every([self.predicate(part) for part in parts])
            case AnyOf(parts):
                return self._any([self.predicate(part) for part in parts])
            case Not(part):
                return negation(self.predicate(part))
            case LabelIn(label, values):
                return _sure(space.label(label, values))
            case LabelText(label, test, text):
                return _sure(space.text(label, Asked(test, text)))
            case Thing(end, part):
                is_pod = LabelIn(Label(end, Scope.NAMESPACE, NAMESPACE_NAME), None)
                return self.either([self.predicate(all_of(is_pod, part)), self._networks(end, part)])
            case PortNamed():
                return _sure(space.port_named(predicate))
            case InRange(field, ranges, family) if field in ENDS:
                return _sure(space.addresses(ENDS[field], ranges, family))
            case InRange(Field.PROTOCOL, ranges):
                return _sure(space.atom(SERVICE, space.services.protocols(ranges)))
            case InRange(field, ranges) if field in space.services.axes:
                return _sure(space.atom(SERVICE, space.services.within(field, ranges)))
            case Masked(field, value, mask) if field in space.services.axes:
                return _sure(space.atom(SERVICE, space.services.masked(field, value, mask)))
            case Opaque(text):
                self.opaque[text] = None
                return FALSE, TRUE
            case _:
                self.opaque[
                    f"a policy asks for {type(predicate).__name__}, which packets of every cluster do not have"
                ] = None
                return FALSE, TRUE

    def _networks(self, end: End, part: Predicate) -> Pair:
        """The addresses of the network sets that satisfy a selector."""
        found = []
        for each in self._network_sets:
            answer = satisfies(part, each)
            held = self.either(
                _sure(self._space.addresses(end, ranges, family)) for family, ranges in each.networks.items()
            )
            if answer is None:
                self.opaque[f"the labels of namespace {each.namespace}, of {each.kind} {each.name} ({each.origin})"] = (
                    None
                )
                held = FALSE, held[1]
            if answer is not False:
                found.append(held)
        return self.either(found)

    def _any(self, parts: list[Pair]) -> Pair:
        """Disjunction in which tests of one field become one test."""
        return self.either(self._merged(parts))

    def _merged(self, parts: list[Pair]) -> list[Pair]:
        """The same parts, those that are tests of one field as one."""
        fields: dict[str, int] = {}
        rest: list[Pair] = []
        for part in parts:
            masked = self._space.masked(part[0]) if part[0] == part[1] else None
            if masked is None:
                rest.append(part)
            else:
                fields[masked[0]] = fields.get(masked[0], 0) | masked[1]
        return [*rest, *(_sure(self._space.atom(*each)) for each in fields.items())]

    def decisions(self, policy: Policy, direction: Direction, counting: Counting) -> Decisions | None:
        """What a policy decides in a direction where these readings of its rules count, None where it does not count."""
        key = id(policy), direction, counting
        if key not in self._decided:
            subject = policy.subjects.get(direction)
            self._decided[key] = None if subject is None else self._decide(policy, direction, counting, subject)
            self._policies.append(policy)
        return self._decided[key]

    def _decide(self, policy: Policy, direction: Direction, counting: Counting, subject: Predicate) -> Decisions:
        selected = self.predicate(subject)
        rules = tuple(
            Matched(written, rule.action, self._packets(selected, rule))
            for written in policy.rules
            if written.direction is direction
            for rule in read(written, counting)
        )
        return Decisions(policy, selected, rules)

    def _packets(self, selected: Pair, rule: PolicyRule) -> Pair:
        """What a rule matches, peer by peer and protocol by protocol: so are the rules of conversions written."""
        peers = list(_alternatives(rule.peer))
        ports = self._merged([self.predicate(part) for part in _alternatives(rule.ports)])
        alternatives = [self._every([selected, self.predicate(peer), port]) for peer in peers for port in ports]
        return self.either(self._joined(alternatives))

    def _every(self, pairs: list[Pair]) -> Pair:
        """Conjunction in which tests of one field become one test."""
        if any(sure != perhaps for sure, perhaps in pairs):
            return reduce(self.both, pairs, SURE)
        fields: dict[str, int] = {}
        rest: set[Literal] = set()
        for part in {part for sure, _ in pairs for part in self._store.parts(sure)}:
            masked = self._space.masked(part)
            if masked is None:
                rest.add(part)
            else:
                fields[masked[0]] = fields.get(masked[0], -1) & masked[1]
        for end, other in (End.SOURCE, End.DESTINATION), (End.DESTINATION, End.SOURCE):
            whole, within = fields.get(ADDRESS[end]), fields.get(ADDRESS[other])
            if whole is not None and within is not None and self._space.implied(whole, within):
                del fields[ADDRESS[end]]
        tests = (self._space.atom(kind, mask) for kind, mask in fields.items())
        return _sure(reduce(self._store.both, [*tests, *sorted(rest)], TRUE))

    def _joined(self, alternatives: list[Pair]) -> list[Pair]:
        """Conjunctions that differ in their services alone as one, so that it does not matter who takes them apart."""
        services: dict[frozenset[Literal], int] = {}
        rest: list[Pair] = []
        for sure, perhaps in self._clauses(alternatives):
            parts = self._store.parts(sure)
            asked = {part: found for part in parts if (found := self._space.masked(part)) and found[0] == SERVICE}
            if sure != perhaps or sure == FALSE or len(asked) > 1:
                rest.append((sure, perhaps))
                continue
            mask = next((found[1] for found in asked.values()), -1)
            others = parts.difference(asked)
            services[others] = services.get(others, 0) | mask
        for others, mask in services.items():
            literal = self._space.atom(SERVICE, mask)
            for part in sorted(others):
                literal = self._store.both(literal, part)
            rest.append(_sure(literal))
        return rest

    def _clauses(self, alternatives: list[Pair]) -> Iterator[Pair]:
        """The alternatives with those that are disjunctions taken apart."""
        for sure, perhaps in alternatives:
            parts = self._store.parts(sure ^ 1)
            if sure == perhaps and len(parts) > 1:
                yield from (_sure(part ^ 1) for part in sorted(parts))
            else:
                yield sure, perhaps

    def runs(self, decisions: Decisions | None) -> tuple[Pair, list[tuple[Action, Pair]]]:
        """Whom a policy selects, and what it does in order; two that have these in common decide alike."""
        return (NEVER, []) if decisions is None else (decisions.selected, self._runs(decisions.rules))

    def outcomes(self, decisions: Decisions | None) -> dict[Outcome, Pair]:
        """The packets of every outcome of one policy; together they are all packets."""
        if decisions is None:
            return {outcome: SURE if outcome is Outcome.OPEN else NEVER for outcome in Outcome}
        found = dict.fromkeys(Outcome, NEVER)
        found[Outcome.OPEN] = negation(decisions.selected)
        left = decisions.selected
        for action, packets in self._runs(decisions.rules):
            found[OUTCOME[action]] = self.either([found[OUTCOME[action]], self.both(left, packets)])
            left = self.both(left, negation(packets))
        found[Outcome.ISOLATED] = left
        return found

    def allowed(
        self,
        tiers: tuple[Tier, ...],
        direction: Direction,
        counting: Counting,
        instead: Mapping[int, Policy] = NOBODY,
        other: FreePolicies | None = None,
    ) -> Pair:
        """What tiers allow in a direction.

        `instead` has the policies of the `other` side that stand for some of these, by the identity of these.
        """
        value = SURE
        for tier in reversed(tiers):
            asked = [
                (other or self).decisions(instead[id(policy)], direction, counting)
                if id(policy) in instead
                else self.decisions(policy, direction, counting)
                for policy in _untied(tier, counting).policies
            ]
            known = [each for each in asked if each is not None]
            tail = {Action.DENY: NEVER, Action.ALLOW: SURE, Action.PASS: value}[tier.unmatched]
            for action, packets in reversed(self._runs([rule for each in known for rule in each.rules])):
                then = {Action.DENY: NEVER, Action.ALLOW: SURE, Action.PASS: value}[action]
                tail = self.choice(packets, then, tail)
            value = self.choice(self.either(each.selected for each in known), tail, value)
        return value

    def _runs(self, rules: Iterable[Matched]) -> list[tuple[Action, Pair]]:
        """The rules in order, consecutive ones with the same action as one."""
        runs: list[tuple[Action, list[Pair]]] = []
        for each in rules:
            if not runs or runs[-1][0] is not each.action:
                runs.append((each.action, []))
            runs[-1][1].append(each.packets)
        return [(action, self.either(self._joined(packets))) for action, packets in runs]


def _alternatives(asked: Predicate) -> Iterator[Predicate]:
    """Peers or ports one by one, each with what is asked of all of them."""
    match asked:
        case AnyOf(parts):
            for part in parts:
                yield from _alternatives(part)
        case All(parts) if sum(isinstance(part, AnyOf) for part in parts) == 1:
            place = next(number for number, part in enumerate(parts) if isinstance(part, AnyOf))
            chosen = parts[place]
            assert isinstance(chosen, AnyOf)
            for part in chosen.parts:
                yield all_of(*parts[:place], part, *parts[place + 1 :])
        case _:
            yield asked


def _untied(tier: Tier, counting: Counting) -> Tier:
    """The tier with its rules read, where policies of one order may say different things; else as it is."""
    if not contested(tier):
        return tier
    policies = (
        replace(policy, rules=tuple(made for rule in policy.rules for made in read(rule, counting)))
        for policy in tier.policies
    )
    return broken(replace(tier, policies=tuple(policies)), lenient=counting.grants(EQUAL_PRIORITIES))


def negation(pair: Pair) -> Pair:
    """What surely does not hold, and what possibly does not."""
    return pair[1] ^ 1, pair[0] ^ 1


def _sure(literal: Literal) -> Pair:
    return literal, literal
