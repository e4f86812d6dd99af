"""Policies in core form: ordered tiers of policies, whose rules are predicates over the packet.

Spec: specs/policies/network_policy.md
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import groupby
from math import inf

from verifier.model.asked import AskedSet
from verifier.model.origin import Origin
from verifier.model.predicate import Predicate
from verifier.model.written import WrittenPolicy

NOWHERE = Origin("")
"""The origin of what nobody wrote."""

DEFAULT_TIER = "default"
"""The tier of NetworkPolicies."""

RELEASES = 3
"""How many ways there are in which releases put policies of one order in an order (TI-3)."""


class Direction(Enum):
    """Which of its two ends a policy protects: ingress the destination, egress the source."""

    INGRESS = "ingress"
    EGRESS = "egress"


class Action(Enum):
    """What a policy rule, or the end of a tier, says."""

    ALLOW = "allow"
    DENY = "deny"
    PASS = "pass"


@dataclass(frozen=True, slots=True)
class Reading:
    """A wider reading of a rule, which counts where all the assumptions that it needs are settled as allow."""

    needs: frozenset[str]
    peer: Predicate
    ports: Predicate


@dataclass(frozen=True, slots=True, eq=False)
class PolicyRule:
    """One rule of a policy: packets with this peer on these ports.

    `peer` speaks of SOURCE fields for ingress and DESTINATION fields for egress; `ports` of everything else: protocol,
    ports, ICMP and PortNamed, and in kinds that ask it, the protected end itself. `text` names it within its policy ("ingress[0]"). `peer` and `ports` are the narrowest reading;
    `readings` are wider ones, each of which rests on assumptions (AS-1). `settled` names assumptions on who may be a
    peer that the rule's own kind denies. `service` ("namespace/name") is the Service whose endpoints are the peer, as
    long as it is an assumption which these are; "" where the rule names none, or leaves its namespace open.
    """

    direction: Direction
    peer: Predicate
    ports: Predicate
    action: Action
    origin: Origin
    text: str
    readings: tuple[Reading, ...] = ()
    settled: frozenset[str] = frozenset()
    service: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A policy: whom it selects per direction, and its rules in order.

    `subjects` maps each direction in which the policy counts to the predicate over the protected end (DESTINATION
    labels for ingress, SOURCE labels for egress). A pod selected in a direction is isolated there by the tier's
    `unmatched`, even when the policy has no rules for it. `written` is how it was written where its kind is known to
    compilers; it is no part of what the policy means. `tier` names the tier of the policy and `order` its place there:
    lower ones are asked first, those without any last, equal ones by name, or in any order where the tier says so.
    `notes` are sentences on what of the document is not understood. Kinds that speak of TCP, UDP and SCTP only leave all
    other protocols to assumptions (AS-3); `every_protocol` says that this one does not. `converted` is the full name of
    the NetworkPolicy of which this policy is a conversion, "" where it is none. `asked` are the sets that its compiler
    keeps for its rules, where `written` does not tell them. `titles` are the texts by which it stands among policies of
    one order, one for each way in which releases of its implementation do that: all of a tier have as many.
    """

    kind: str
    name: str  # "namespace/name"
    subjects: Mapping[Direction, Predicate]
    rules: tuple[PolicyRule, ...]
    origin: Origin
    written: WrittenPolicy | None = field(default=None, compare=False)
    tier: str = DEFAULT_TIER
    order: float | None = None
    notes: tuple[str, ...] = ()
    every_protocol: bool = False
    converted: str = ""
    asked: tuple[AskedSet, ...] = field(default=(), compare=False)
    titles: tuple[tuple[str, ...], ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class Tier:
    """Policies that are asked together; the first rule that matches decides, PASS leaves the tier.

    `unmatched` is what happens to a packet whose protected end is selected by some policy of the tier in that
    direction and that no rule matches; packets of ends not selected go to the next tier, and after the last one are
    allowed. `order` is its place among the tiers, as a policy's is in its tier; `origin` is where a cluster's own tier
    was read. With `ties_open`, of several policies of one order that match a packet any may decide (CNP-7).
    """

    name: str
    policies: tuple[Policy, ...]
    unmatched: Action
    order: float | None = None
    origin: Origin = NOWHERE
    ties_open: bool = False


def arranged(tiers: Iterable[Tier], policies: Iterable[Policy]) -> tuple[Tier, ...]:
    """The tiers in the order in which they are asked, each with its policies in theirs; those without any are left out.

    The name of a policy comes before its namespace where orders are equal, and its kind after it; policies that only
    allow stay as they are given, which then means the same. Where releases put policies of one order in different
    orders and that may matter, the ties of the tier are open. KeyError names a tier that some policy is in and that there
    is not.
    """
    known = {tier.name: tier for tier in tiers}
    members: dict[str, list[Policy]] = {name: [] for name in known}
    for policy in policies:
        members[policy.tier].append(policy)
    return tuple(
        _filled(known[name], members[name])
        for name in sorted(known, key=lambda name: (_rank(known[name].order), name))
        if members[name]
    )


def _filled(tier: Tier, policies: list[Policy]) -> Tier:
    ordered: list[Policy] = []
    ties_open = tier.ties_open
    for _, equal in groupby(sorted(policies, key=lambda policy: _rank(policy.order)), lambda policy: policy.order):
        members = list(equal)
        if any(rule.action is not Action.ALLOW for policy in members for rule in policy.rules):
            members.sort(key=lambda policy: _titles(policy)[0])
            ties_open = ties_open or _unsettled(members)
        ordered += members
    return replace(tier, policies=tuple(ordered), ties_open=ties_open)


def _unsettled(policies: list[Policy]) -> bool:
    """Whether the order of two policies that may say different things of one pod is not the same in all releases."""
    against = [policy for policy in policies if any(rule.action is not Action.ALLOW for rule in policy.rules)]
    return any(_apart(one, other) for one in against for other in policies)


def _apart(one: Policy, other: Policy) -> bool:
    mine, theirs = _titles(one), _titles(other)
    if mine[0][1] and theirs[0][1] and mine[0][1] != theirs[0][1]:
        return False  # they select pods of two namespaces
    said = [{rule.action for policy in (one, other) for rule in policy.rules if rule.direction is d} for d in Direction]
    return any(len(actions) > 1 for actions in said) and len({a < b for a, b in zip(mine, theirs, strict=True)}) > 1


def _titles(policy: Policy) -> tuple[tuple[str, ...], ...]:
    """How it stands among policies of one order: first by name, namespace and kind."""
    namespace, _, name = policy.name.rpartition("/")
    return policy.titles or ((name, namespace, policy.kind),) * RELEASES


def _rank(order: float | None) -> float:
    return inf if order is None else order
