"""What of a translation to leave, to take away and to add, so that it means what its policy does.

Spec: specs/questions/layer.md (LAY-12)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from verifier.model.layer import Change, Edit
from verifier.model.policy import Action, Direction, Policy, PolicyRule
from verifier.model.predicate import AnyOf
from verifier.semantics.free.policies import NEVER, Decisions, FreePolicies, Pair, negation
from verifier.semantics.readings import Counting


@dataclass(frozen=True, slots=True)
class _Part:
    """One of the peers of a rule, with what it lets in of the ends that the policy selects."""

    rule: PolicyRule
    packets: Pair


class Edits:
    """Compares the rules of a policy, all of which allow, with those of its translation.

    `possible` asks whether a formula can hold.
    """

    def __init__(
        self, sides: tuple[FreePolicies, FreePolicies], counting: Counting, possible: Callable[[Pair], bool]
    ) -> None:
        self._left, self._right = sides
        self._counting = counting
        self._possible = possible

    def of(self, policy: Policy, translation: Policy) -> Iterator[Edit]:
        """The edits, what agrees first; none where the policy has rules that do not allow."""
        if any(rule.action is not Action.ALLOW for rule in policy.rules):
            return
        for direction in Direction:
            here = self._left.decisions(policy, direction, self._counting)
            there = self._right.decisions(translation, direction, self._counting)
            if here is None or there is None or self._differ(here.selected, there.selected):
                if here is not None:
                    yield Edit(Change.SELECT, direction, policy, None)
                elif there is not None:
                    yield Edit(Change.RELEASE, direction, translation, None)
            if here is not None:
                yield from self._rules(here, there, direction)

    def _rules(self, here: Decisions, there: Decisions | None, direction: Direction) -> Iterator[Edit]:
        allowed = self._left.either(each.packets for each in here.rules)
        kept: list[Pair] = []
        for rule, action, packets in _by_rule(self._right, there):
            agrees = action is Action.ALLOW and not self._exceeds(packets, allowed)
            if agrees:
                kept.append(packets)
            assert there is not None
            yield Edit(Change.KEEP if agrees else Change.REMOVE, direction, there.policy, rule)
        left = self._left.either(kept)
        for part in self._parts(here):
            if self._exceeds(part.packets, left):
                yield Edit(Change.ADD, direction, here.policy, part.rule)

    def _parts(self, decisions: Decisions) -> Iterator[_Part]:
        """The rules of a policy peer by peer."""
        for rule, _, packets in _by_rule(self._left, decisions):
            alike = all(each.peer == rule.peer for each in rule.readings)
            peers = rule.peer.parts if isinstance(rule.peer, AnyOf) and alike else (rule.peer,)
            for peer in peers if len(peers) > 1 else ():
                readings = tuple(replace(each, peer=peer) for each in rule.readings)
                within = self._left.both(packets, self._left.predicate(peer))
                yield _Part(replace(rule, peer=peer, readings=readings), within)
            if len(peers) <= 1:
                yield _Part(rule, packets)

    def _exceeds(self, packets: Pair, within: Pair) -> bool:
        outside = self._left.both(packets, negation(within))
        return outside != NEVER and self._possible(outside)

    def _differ(self, a: Pair, b: Pair) -> bool:
        return self._exceeds(a, b) or self._exceeds(b, a)


def _by_rule(side: FreePolicies, decisions: Decisions | None) -> Iterator[tuple[PolicyRule, Action, Pair]]:
    """Each rule as it is written, with what all its readings match."""
    for _, readings in groupby(decisions.rules if decisions else (), key=lambda each: id(each.rule)):
        members = list(readings)
        yield members[0].rule, members[0].action, side.either(each.packets for each in members)
