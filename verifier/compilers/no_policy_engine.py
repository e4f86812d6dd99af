"""A node with nothing but service proxy and container runtime, or with no rule at all: nobody applies policies.

Spec: specs/compilers/no_policy_engine.md
"""

from __future__ import annotations

from verifier.compilers.hooks import built_in_rules, entered
from verifier.compilers.plain import plain
from verifier.model.node import NodeState
from verifier.model.profile import Enforcement, Enforcer

BYSTANDERS = ("KUBE-", "CNI-", "DOCKER")
"""Prefixes of the chains of kube-proxy and kubelet, of CNI's port maps, and of Docker."""

SENTENCE = (
    "nothing in these rules applies NetworkPolicy: no policy engine's chains are here"
    " (one that works without iptables would not show)"
)


def _recognises(node: NodeState) -> bool:
    """Whether every rule of a built-in chain, but for the nat table's, leads to a bystander."""
    return bool(node.rulesets) and all(
        entered(rule.effect).startswith(BYSTANDERS) for table, rule in built_in_rules(node) if table != "nat"
    )


def _explain_chain(_node: NodeState, chain: str) -> str:
    return "not about policies" if chain.startswith(BYSTANDERS) else ""


def _enforcement(_node: NodeState) -> Enforcement:
    return Enforcement(Enforcer.NOBODY, SENTENCE)


MODULE = plain(
    "no-policy-engine",
    "service proxy, container runtime or nothing: no chain of a policy engine, policies are applied by nobody",
    _recognises,
    explain_chain=_explain_chain,
    enforcement=_enforcement,
)
