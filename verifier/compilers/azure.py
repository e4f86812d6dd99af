"""Azure Network Policy Manager: chains that every new forwarded packet enters, with a chain per policy and direction.

Spec: specs/compilers/azure.md
"""

from __future__ import annotations

from collections.abc import Mapping

from verifier.compilers.azure_deviations import DOCUMENTED, deviations
from verifier.compilers.azure_names import CHAIN_PREFIXES, Era, chain_name, computed_set
from verifier.compilers.azure_sets import ideal_sets, selections
from verifier.compilers.azure_signs import jumps as policy_jumps
from verifier.compilers.azure_signs import signs
from verifier.compilers.hooks import chains_under, entered, hooked
from verifier.model.cluster import Cluster
from verifier.model.effect import Assign, Call
from verifier.model.fields import ConnState, Field
from verifier.model.node import NodeState
from verifier.model.origin import Origin
from verifier.model.policy import Direction
from verifier.model.predicate import equals
from verifier.model.profile import MarkBit, Profile
from verifier.model.ruleset import Rule

TOP = "AZURE-NPM"

CHAINS = {
    TOP: "new forwarded packets",
    "AZURE-NPM-ACCEPT": "accepts what no policy denies",
    "AZURE-NPM-INGRESS": "ingress of pods",
    "AZURE-NPM-INGRESS-ALLOW-MARK": "ingress is allowed, egress follows",
    "AZURE-NPM-EGRESS": "egress of pods",
    "AZURE-NPM-INGRESS-DROPS": "drops what no ingress rule allowed",
    "AZURE-NPM-INRGESS-DROPS": "drops what no ingress rule allowed",
    "AZURE-NPM-INGRESS-FROM": "ingress rules by peer",
    "AZURE-NPM-INGRESS-FROM-NS": "ingress rules by namespace",
    "AZURE-NPM-INGRESS-FROM-POD": "ingress rules by pod",
    "AZURE-NPM-INGRESS-PORT": "ingress rules by port",
    "AZURE-NPM-EGRESS-DROPS": "drops what no egress rule allowed",
    "AZURE-NPM-EGRESS-PORT": "egress rules by port",
    "AZURE-NPM-EGRESS-TO": "egress rules by peer",
    "AZURE-NPM-EGRESS-TO-NS": "egress rules by namespace",
    "AZURE-NPM-EGRESS-TO-POD": "egress rules by pod",
    "AZURE-NPM-KUBE-SYSTEM": "packets of the system's own pods",
    "AZURE-NPM-TARGET-SETS": "pods that policies select",
}
"""The fixed chains of all generations (AZ-1, AZ-2)."""

MARKS = {
    0x200: "an ingress policy allowed the packet",
    0x400: "selected for ingress by a policy that does not allow the packet",
    0x800: "selected for egress by a policy that does not allow the packet",
    0x1000: "an egress policy allowed the packet",
    0x2000: "an ingress policy allowed the packet",
    0x3000: "ingress and egress allowed the packet",
    0x4000: "selected for ingress by a policy that does not allow the packet",
    0x5000: "selected for egress by a policy that does not allow the packet",
}
"""What the values mean that Azure NPM gives to marks; the older ones are numbers, not bits (AZ-3)."""


def _own(chain: str) -> bool:
    return chain == TOP or chain.startswith(f"{TOP}-")


def _own_chain(table: str, chain: str) -> bool:
    return table == "filter" and _own(chain)


def _recognises(node: NodeState) -> bool:
    return hooked(node, _own)


def _jumps(table: str, chain: str) -> tuple[Rule, ...]:
    """Only new packets enter its chains: nothing in them lets the others through."""
    if (table, chain) != ("filter", "FORWARD"):
        return ()
    text = f"-A {chain} -m conntrack --ctstate NEW -j {TOP}"
    return (Rule(equals(Field.STATE, ConnState.NEW), Call(TOP), Origin(""), text),)


def _explain_chain(node: NodeState, chain: str) -> str:
    if chain in CHAINS:
        return f"Azure NPM: {CHAINS[chain]}"
    if not chain.startswith(tuple(CHAIN_PREFIXES.values())):
        return ""
    for target, jump in policy_jumps(node):
        if entered(jump.effect) == chain:
            return _phrase(target.policy, target.direction)
    return ""


def _phrase(policy: str, direction: Direction) -> str:
    return f"{direction.value} of NetworkPolicy {policy}"


def _chain_names(_node: NodeState, cluster: Cluster) -> Mapping[str, str]:
    """The chains that the cluster's policies have, in both spellings."""
    return {
        chain_name(policy.name, direction, era): _phrase(policy.name, direction)
        for tier in cluster.tiers
        for policy in tier.policies
        if policy.written is not None
        for direction in Direction
        for era in Era
    }


def _mark_bits(node: NodeState) -> tuple[MarkBit, ...]:
    """The values that this dump sets, whether or not with a mask."""
    given = {
        rule.effect.value
        for chain in chains_under(node, TOP)
        for rule in chain.rules
        if isinstance(rule.effect, Assign) and rule.effect.field is Field.MARK
    }
    return tuple(MarkBit(value, meaning) for value, meaning in MARKS.items() if value in given)


def _notes(node: NodeState, _cluster: Cluster) -> tuple[str, ...]:
    """What stands behind the jump is for packets of known connections alone (AZ-6)."""
    for ruleset in node.rulesets.values():
        chain = ruleset.chains.get(("filter", "FORWARD"))
        names = [entered(rule.effect) for rule in chain.rules] if chain is not None else []
        top = ruleset.chains.get(("filter", TOP))
        if TOP in names and top is not None and top.rules and names[names.index(TOP) + 1 :]:
            return (
                "Azure NPM accepts every new forwarded packet that no policy denies: rules of FORWARD behind its jump see none",
            )
    return ()


MODULE = Profile(
    name="azure",
    summary="Azure Network Policy Manager (azure-npm) on Linux: a chain per policy and direction over sets of labels; IPv4 only",
    recognises=_recognises,
    explain_chain=_explain_chain,
    mark_bits=_mark_bits,
    deviations=deviations,
    documented=DOCUMENTED,
    ideal_sets=ideal_sets,
    selections=selections,
    far_ends=True,
    own_chain=_own_chain,
    chain_names=_chain_names,
    notes=_notes,
    computed_set=computed_set,
    jumps=_jumps,
    signs=signs,
    kinds=frozenset({"NetworkPolicy"}),
)
