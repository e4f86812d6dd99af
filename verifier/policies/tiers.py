"""The tiers that every cluster has, of its own objects or not.

Spec: specs/tiers.md, specs/policies/cluster_network_policy.md (CNP-1)
"""

from __future__ import annotations

from verifier.model.policy import DEFAULT_TIER, Action, Tier

ADMIN_TIER, BASELINE_TIER = "admin", "baseline"

BUILT_IN_TIERS = (
    Tier(ADMIN_TIER, (), Action.PASS, 1_000, ties_open=True),
    Tier(DEFAULT_TIER, (), Action.DENY, 1_000_000),
    Tier(BASELINE_TIER, (), Action.PASS, 10_000_000, ties_open=True),
)  # fmt: skip
"""By the orders that Calico gives them, which are those that Kubernetes asks for."""
