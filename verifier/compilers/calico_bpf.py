"""What Calico's eBPF data plane leaves in iptables: rules that test its marks, and none that applies a policy.

Spec: specs/compilers/calico.md
"""

from __future__ import annotations

from verifier.compilers.hooks import entered
from verifier.model.node import NodeState
from verifier.model.profile import Enforcement, Enforcer
from verifier.model.ruleset import Rule

SAYINGS = (
    "Pre-approved by BPF programs.",
    "From workload without BPF seen mark",
    "Accept packets from flows that pre-date BPF.",
    "Jump to target for packets with Bypass mark",
)
"""Comments of rules that only the eBPF data plane writes."""


def remainder(node: NodeState) -> Rule | None:
    """A rule of the eBPF data plane, where no rule of the other one applies policies (CAL-7)."""
    found = None
    for ruleset in node.rulesets.values():
        for chain in ruleset.chains.values():
            for rule in chain.rules:
                if chain.table == "filter" and chain.name == "FORWARD" and entered(rule.effect) == "cali-FORWARD":
                    return None
                if found is None and any(saying in rule.comments for saying in SAYINGS):
                    found = rule
    return found


def enforcement(node: NodeState) -> Enforcement:
    """Who applies the policies on a node of Calico's (CAL-7)."""
    rule = remainder(node)
    if rule is None:
        return Enforcement()
    sentence = "Calico applies policies in eBPF programs here, which no dump of iptables shows"
    return Enforcement(Enforcer.ELSEWHERE, f"{sentence} ({rule.origin} is a rule of that data plane)")
