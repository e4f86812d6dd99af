"""Calico's Felix in its iptables data plane, alone, in Canal, or as policy engine beside another network plug-in.

Spec: specs/compilers/calico.md
"""

from __future__ import annotations

from collections import Counter

from verifier.compilers.calico_bpf import enforcement, remainder
from verifier.compilers.calico_deviations import DOCUMENTED, deviations
from verifier.compilers.calico_hash import chain_names, interface_suffix
from verifier.compilers.calico_marks import mark_bits
from verifier.compilers.calico_names import explain_chain
from verifier.compilers.calico_policies import notes
from verifier.compilers.calico_sets import computed_set, ideal_sets, selections
from verifier.compilers.calico_signs import signs
from verifier.compilers.hooks import conjuncts, hooked, jump, rules_of
from verifier.model.cluster import Pod
from verifier.model.fields import Field
from verifier.model.node import NodeState
from verifier.model.predicate import Named
from verifier.model.profile import Profile
from verifier.model.ruleset import Rule

OWN = "cali-"
"""How the name of every chain of Felix begins, in every table."""


def _own_chain(_table: str, chain: str) -> bool:
    return chain.startswith(OWN)


def _recognises(node: NodeState) -> bool:
    return hooked(node, lambda chain: chain.startswith(OWN)) or remainder(node) is not None


def _own_rule(_table: str, _chain: str, rule: Rule) -> bool:
    """Felix signs every rule that it writes, wherever."""
    return any(comment.startswith(SIGNATURE) for comment in rule.comments)


def _jumps(table: str, chain: str) -> tuple[Rule, ...]:
    return (jump(chain, f"cali-{chain}"),) if chain in ENTERED.get(table, ()) else ()


SIGNATURE = "cali:"
ENTERED = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "POSTROUTING"),
    "nat": ("PREROUTING", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}
"""The built-in chains that Felix enters its own from, each from the first rule on."""


def _pod_interface(node: NodeState, pod: Pod) -> str:
    """The name by Calico's rule, believed only where the dump, the interfaces or the routes know it (CAL-2)."""
    suffix = interface_suffix(pod.namespace, pod.name)
    for prefix in _pod_interfaces(node):
        if _known(node, prefix + suffix) and not _routed_elsewhere(node, pod, prefix + suffix):
            return prefix + suffix
    return ""


def _routed_elsewhere(node: NodeState, pod: Pod, interface: str) -> bool:
    """Whether the node sends to one of the pod's own addresses by another interface, whatever the pod's name says."""
    return any(
        route.first == route.last == pod.addresses.get(route.family) and route.interface not in ("", interface)
        for route in node.routes or ()
    )


def _known(node: NodeState, interface: str) -> bool:
    if interface in (node.interfaces or ()):
        return True
    if any(
        ("filter", chain + interface) in ruleset.chains
        for ruleset in node.rulesets.values()
        for chain in ("cali-fw-", "cali-tw-")
    ):
        return True
    return any(route.interface == interface for route in node.routes or ())


def _pod_interfaces(node: NodeState) -> tuple[str, ...]:
    """The prefixes that Calico's top chains test (CAL-3).

    Each prefix stands in several of them. One that fewer than half as many rules name as name the most frequent is
    a stray rule, and reserving it would hide what that rule does to other interfaces.
    """
    votes: Counter[str] = Counter()
    tops = (
        *rules_of(node, "cali-FORWARD", "cali-INPUT", "cali-OUTPUT"),
        *rules_of(node, "cali-PREROUTING", table="raw"),
    )
    for rule in tops:
        for part in conjuncts(rule.match):
            if isinstance(part, Named) and part.prefix and part.name and part.field in _INTERFACES:
                votes[part.name] += 1
    most = max(votes.values(), default=0)
    return tuple(sorted(prefix for prefix, count in votes.items() if 2 * count >= most))


_INTERFACES = (Field.IN_INTERFACE, Field.OUT_INTERFACE)

MODULE = Profile(
    name="calico",
    summary="Calico's Felix in its iptables data plane: chains per pod interface, policies as mark bits",
    recognises=_recognises,
    pod_interface=_pod_interface,
    pod_interfaces=_pod_interfaces,
    explain_chain=explain_chain,
    mark_bits=mark_bits,
    deviations=deviations,
    documented=DOCUMENTED,
    own_chain=_own_chain,
    chain_names=chain_names,
    notes=notes,
    ideal_sets=ideal_sets,
    selections=selections,
    computed_set=computed_set,
    own_rule=_own_rule,
    jumps=_jumps,
    enforcement=enforcement,
    signs=signs,
)
