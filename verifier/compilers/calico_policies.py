"""Which of the policies that a Calico dump holds are none of the cluster's NetworkPolicies.

Spec: specs/compilers/calico.md
"""

from __future__ import annotations

from collections.abc import Iterator

from verifier.compilers.calico_hash import chain_names
from verifier.compilers.calico_names import EGRESS, INGRESS, explain_chain
from verifier.compilers.hooks import chains_under, entered
from verifier.model.cluster import Cluster
from verifier.model.node import NodeState

START_OF_TIER = "Start of tier "
OWN_TIER = "default"
"""The tier in which NetworkPolicies are; every other one is of Calico's own policies."""


def notes(node: NodeState, cluster: Cluster) -> tuple[str, ...]:
    """What of the dump no NetworkPolicy that was read can account for, as sentences (CAL-6)."""
    strange = tuple(dict.fromkeys(_strangers(node, cluster)))
    if not cluster.policies_known or not strange:
        return ()
    tiers = tuple(dict.fromkeys(_tiers(node)))
    where = f" (tiers {', '.join(tiers)} besides {OWN_TIER})" if tiers else ""
    policies, changes = ("policy", "it changes") if len(strange) == 1 else ("policies", "they change")
    told = f"the dump holds {len(strange)} {policies} that the NetworkPolicies read here do not contain{where}, "
    return (f"{told}and what {changes} is a finding: {', '.join(strange)}",)


def _strangers(node: NodeState, cluster: Cluster) -> Iterator[str]:
    """The policies whose chains some chain enters and that the cluster does not have."""
    known = chain_names(node, cluster)
    read = {f"{policy.kind} {policy.name}" for tier in cluster.tiers for policy in tier.policies}
    entering = ("cali-tw-", "cali-fw-", "cali-gi-", "cali-go-", "cali-th", "cali-fh")
    for chain in (chain for ruleset in node.rulesets.values() for chain in ruleset.chains.values()):
        for rule in chain.rules if chain.name.startswith(entering) else ():
            name = entered(rule.effect)
            if not name.startswith(("cali-pi-", "cali-po-")) or name in known:
                continue
            phrase = explain_chain(node, name)
            policy = phrase.removesuffix(f", {INGRESS}").removesuffix(f", {EGRESS}")
            if policy not in read:
                yield f"one named only by its hash ({name})" if policy == "a policy" else policy


def _tiers(node: NodeState) -> Iterator[str]:
    for chain in chains_under(node, "cali-tw-", "cali-fw-"):
        for rule in chain.rules:
            for comment in rule.comments:
                if comment.startswith(START_OF_TIER) and comment != START_OF_TIER + OWN_TIER:
                    yield comment.removeprefix(START_OF_TIER)
