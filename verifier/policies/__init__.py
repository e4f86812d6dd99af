"""One policy kind each: a loaded document -> its policy in core form."""

from __future__ import annotations

from verifier.policies import (
    admin_network_policy,
    baseline_admin_network_policy,
    calico_global_network_policy,
    calico_network_policy,
    calico_v1_policy,
    cluster_network_policy,
    network_policy,
    staged_global_network_policy,
    staged_kubernetes_network_policy,
    staged_network_policy,
)
from verifier.policies.kind import PolicyKind

POLICY_KINDS: tuple[PolicyKind, ...] = (
    admin_network_policy.MODULE,
    baseline_admin_network_policy.MODULE,
    calico_global_network_policy.MODULE,
    calico_network_policy.MODULE,
    calico_v1_policy.MODULE,
    cluster_network_policy.MODULE,
    network_policy.MODULE,
    staged_global_network_policy.MODULE,
    staged_kubernetes_network_policy.MODULE,
    staged_network_policy.MODULE,
)  # fmt: skip

__all__ = ["POLICY_KINDS", "PolicyKind"]
