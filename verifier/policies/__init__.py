"""One policy kind each: a loaded document -> its policy in core form."""

from __future__ import annotations

from verifier.policies import (
    admin_network_policy,
    baseline_admin_network_policy,
    cluster_network_policy,
    network_policy,
)
from verifier.policies.kind import PolicyKind

POLICY_KINDS: tuple[PolicyKind, ...] = (
    admin_network_policy.MODULE,
    baseline_admin_network_policy.MODULE,
    cluster_network_policy.MODULE,
    network_policy.MODULE,
)  # fmt: skip

__all__ = ["POLICY_KINDS", "PolicyKind"]
