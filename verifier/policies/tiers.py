"""The tiers that every cluster has, of its own objects or not.

Spec: specs/tiers.md
"""

from __future__ import annotations

from verifier.model.policy import DEFAULT_TIER, Action, Tier

BUILT_IN_TIERS = (
    Tier(DEFAULT_TIER, (), Action.DENY, 1_000_000),
)  # fmt: skip
"""By the orders that Calico gives them, which are those that Kubernetes asks for."""
