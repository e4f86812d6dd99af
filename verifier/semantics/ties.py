"""Policies of one tier and order of which any may decide, as rules of which the first that matches does.

Spec: specs/policies/cluster_network_policy.md (CNP-7)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from verifier.model.policy import Action, Direction, Policy, PolicyRule, Tier
from verifier.model.predicate import Predicate, all_of, any_of, negate

LENIENT, STRICT = (Action.ALLOW, Action.PASS, Action.DENY), (Action.DENY, Action.PASS, Action.ALLOW)
"""The actions by how many packets they let pass: what passes to later tiers is allowed there, or denied."""


def contested(tier: Tier) -> bool:
    """Whether policies of one order may say different things, in a tier in which any of them may decide."""
    return tier.ties_open and any(map(_contested, _tied(tier)))


def broken(tier: Tier, *, lenient: bool) -> Tier:
    """The tier where of tied policies the one decides that lets a packet pass, or else the one that does not.

    The same tier where nothing is contested.
    """
    if not contested(tier):
        return tier
    order = LENIENT if lenient else STRICT
    parts = (_by_action(tied, order) if _contested(tied) else tied for tied in _tied(tier))
    return replace(tier, policies=tuple(policy for part in parts for policy in part))


def _tied(tier: Tier) -> Iterator[tuple[Policy, ...]]:
    for _, policies in groupby(tier.policies, key=lambda policy: policy.order):
        yield tuple(policies)


def _contested(tied: tuple[Policy, ...]) -> bool:
    actions = {direction: {rule.action for each in tied for rule in _rules(each, direction)} for direction in Direction}
    return len(tied) > 1 and any(len(found) > 1 for found in actions.values())


def _rules(policy: Policy, direction: Direction) -> list[PolicyRule]:
    return [rule for rule in policy.rules if rule.direction is direction]


def _by_action(tied: tuple[Policy, ...], order: tuple[Action, ...]) -> Iterator[Policy]:
    """The rules of all the policies, action by action; of each policy only what its first matching rule says counts."""
    first = [(policy, [each for direction in Direction for each in _first(policy, direction)]) for policy in tied]
    yield from (policy for policy, rules in first if not rules)  # they isolate all the same
    for action in order:
        for policy, rules in first:
            kept = tuple(rule for rule in rules if rule.action is action)
            if kept:
                yield replace(policy, rules=kept)


def _first(policy: Policy, direction: Direction) -> Iterator[PolicyRule]:
    """The rules of a policy, each without the packets that an earlier one with another action matches."""
    rules = _rules(policy, direction)
    for place, rule in enumerate(rules):
        earlier = [_whole(each) for each in rules[:place] if each.action is not rule.action]
        yield replace(rule, peer=all_of(rule.peer, negate(any_of(*earlier)))) if earlier else rule


def _whole(rule: PolicyRule) -> Predicate:
    return all_of(rule.peer, rule.ports)
