"""Policies in core form: ordered tiers of policies, whose rules are predicates over the packet.

Spec: specs/policies/network_policy.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from verifier.model.origin import Origin
from verifier.model.predicate import Predicate
from verifier.model.written import WrittenPolicy


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

    `peer` speaks of SOURCE fields for ingress and DESTINATION fields for egress; `ports` of protocol, destination
    port and PortNamed. `text` names it within its policy ("ingress[0]"). `peer` and `ports` are the narrowest reading;
    `readings` are wider ones, each of which rests on assumptions (AS-1).
    """

    direction: Direction
    peer: Predicate
    ports: Predicate
    action: Action
    origin: Origin
    text: str
    readings: tuple[Reading, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A policy: whom it selects per direction, and its rules in order.

    `subjects` maps each direction in which the policy counts to the predicate over the protected end (DESTINATION
    labels for ingress, SOURCE labels for egress). A pod selected in a direction is isolated there by the tier's
    `unmatched`, even when the policy has no rules for it. `written` is how it was written where its kind is known to
    compilers; it is no part of what the policy means.
    """

    kind: str
    name: str  # "namespace/name"
    subjects: Mapping[Direction, Predicate]
    rules: tuple[PolicyRule, ...]
    origin: Origin
    written: WrittenPolicy | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class Tier:
    """Policies that are asked together; the first rule that matches decides, PASS leaves the tier.

    `unmatched` is what happens to a packet whose protected end is selected by some policy of the tier in that
    direction and that no rule matches; packets of ends not selected go to the next tier, and after the last one are
    allowed.
    """

    name: str
    policies: tuple[Policy, ...]
    unmatched: Action
