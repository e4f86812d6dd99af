"""One policy kind each: a loaded document -> its policy in core form."""

from __future__ import annotations

from verifier.policies import network_policy
from verifier.policies.kind import PolicyKind

POLICY_KINDS: tuple[PolicyKind, ...] = (
    network_policy.MODULE,
)  # fmt: skip

__all__ = ["POLICY_KINDS", "PolicyKind"]
