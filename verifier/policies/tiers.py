"""The tiers of a cluster: those that every one has, and its own.

Spec: specs/tiers.md, specs/policies/cluster_network_policy.md (CNP-1)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from verifier.model.document import Part, shown
from verifier.model.origin import InputError
from verifier.model.policy import DEFAULT_TIER, Action, Policy, Tier, arranged
from verifier.policies.calico_policy import order
from verifier.policies.selectors import only_fields

ADMIN_TIER, BASELINE_TIER = "kube-admin", "kube-baseline"

BUILT_IN_TIERS = (
    Tier(ADMIN_TIER, (), Action.PASS, 1_000, ties_open=True),
    Tier(DEFAULT_TIER, (), Action.DENY, 1_000_000),
    Tier(BASELINE_TIER, (), Action.PASS, 10_000_000, ties_open=True),
)  # fmt: skip
"""By the orders that Calico gives them, which are those that Kubernetes asks for."""

_ACTIONS = {"Deny": Action.DENY, "Pass": Action.PASS}


def read_tier(document: Part) -> Tier:
    """A Tier of Calico's: its order, and what becomes of packets that no rule of a policy in it matches (TI-2)."""
    only_fields(document, "apiVersion", "kind", "metadata", "spec", "status")
    spec = document.child("spec")
    only_fields(spec, "defaultAction", "order")
    name = document.child("metadata").text("name")
    if not name:
        problem = "expected the tier's name, found nothing"
        raise document.child("metadata").fault("name", problem, "name the tier as its policies do")
    action = spec.text("defaultAction") or "Deny"
    if action not in _ACTIONS:
        problem = f"expected Deny or Pass, found {shown(action)}"
        raise spec.fault("defaultAction", problem, "name one of the two")
    return Tier(name, (), _ACTIONS[action], order(spec), document.origin)


def in_tiers(own: Iterable[Tier], policies: Iterable[Policy]) -> tuple[Tier, ...]:
    """The policies in the cluster's tiers, in the order in which they are asked; InputError for an unknown tier."""
    tiers = {tier.name: tier for tier in BUILT_IN_TIERS}
    for tier in own:
        known = tiers.get(tier.name)
        tiers[tier.name] = replace(tier, ties_open=known.ties_open) if known else tier
    members = list(policies)
    for policy in members:
        if policy.tier not in tiers:
            problem = f"policy {policy.name} is in tier {shown(policy.tier)}, and there is no such Tier"
            raise InputError(policy.origin, problem, f"add the Tier object; there are {', '.join(sorted(tiers))}")
    return arranged(tiers.values(), members)


def layers(policies: Iterable[Policy], *, networkpolicies_read: bool) -> tuple[list[Policy], list[Policy]]:
    """The policies that decide, and those that only say again what NetworkPolicies say: conversions of them (CPO-21).

    Where no NetworkPolicies were read at all, their conversions are all that is known of them, and decide.
    """
    every = list(policies)
    present = {policy.name for policy in every if policy.written is not None}
    again = [policy for policy in every if networkpolicies_read and _is_conversion(policy, present)]
    apart = set(map(id, again))
    return [policy for policy in every if id(policy) not in apart], again


def _is_conversion(policy: Policy, present: set[str]) -> bool:
    """Whether a policy is a conversion, by its name, or by its form where the NetworkPolicy is there."""
    return converts(policy) or (bool(policy.converted) and policy.converted in present)


def converts(policy: Policy) -> bool:
    """Whether a policy is a conversion of a NetworkPolicy by its very name (CPO-21)."""
    return policy.converted not in ("", policy.name)


def surplus(again: Iterable[Policy], policies: Iterable[Policy]) -> Iterator[str]:
    """Conversions of NetworkPolicies that are not there, as sentences."""
    present = {policy.name for policy in policies}
    for policy in again:
        if policy.converted not in present:
            yield f"{policy.kind} {policy.name} is the conversion of a NetworkPolicy that is not there; it decides nothing"
