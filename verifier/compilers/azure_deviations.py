"""Where Azure NPM documents that it reads NetworkPolicies otherwise than the API says.

Spec: specs/compilers/azure.md
"""

from __future__ import annotations

from verifier.compilers.rewritings import rewriting, without_ipv6
from verifier.model.finding import Premise
from verifier.model.node import NodeState
from verifier.model.policy import Direction, Policy
from verifier.model.profile import Deviation

EVERY_ADDRESS = "0.0.0.0/0"

REJECTED_BLOCKS = Premise(
    "block-rejected",
    "a policy with an IPv6 block, or a block of length 0 other than 0.0.0.0/0, is rejected whole: it isolates no pod",
    "Azure NPM, translation of policies: unsupported CIDR blocks are an error, and the policy is not applied",
)
IPV4_ONLY = Premise(
    "ipv4-only",
    "policies have no effect on IPv6",
    "Azure NPM: it programs iptables and no ip6tables",
)
DOCUMENTED = (REJECTED_BLOCKS, IPV4_ONLY)


def deviations(_node: NodeState) -> tuple[Deviation, ...]:
    """All of them, whatever the dump: what is not compiled leaves no trace in it (AZ-10, AZ-11)."""
    return rewriting(REJECTED_BLOCKS, accepted), without_ipv6(IPV4_ONLY)


def accepted(policy: Policy) -> Policy | None:
    """The policy, unless a block of a direction in which it counts is one that is rejected (AZ-10)."""
    written = policy.written
    if written is None:
        return policy
    for direction, rules in ((Direction.INGRESS, written.ingress), (Direction.EGRESS, written.egress)):
        if direction not in policy.subjects:
            continue
        blocks = [peer.block.cidr for rule in rules for peer in rule.peers if peer.block is not None]
        if any(":" in cidr or (cidr.endswith("/0") and cidr != EVERY_ADDRESS) for cidr in blocks):
            return None
    return policy
