"""flannel: carries packets between nodes and applies no policy.

Spec: specs/compilers/flannel.md
"""

from __future__ import annotations

from verifier.compilers.hooks import built_in_rules, entered
from verifier.compilers.plain import plain
from verifier.model.node import NodeState
from verifier.model.profile import Enforcement, Enforcer

CHAINS = {
    ("filter", "FLANNEL-FWD"): "flannel: accepts whatever comes from or goes to the cluster's network",
    ("nat", "FLANNEL-POSTRTG"): "flannel: masquerade",
}
COMMENTS = ("flanneld forward", "flanneld masq")
"""What flannel writes on its rules; older releases have no chains of their own."""

SENTENCE = (
    "nothing in these rules applies NetworkPolicy: flannel only carries packets, and no policy engine's chains are here"
    " (one that works without iptables would not show)"
)


def _own_chain(table: str, chain: str) -> bool:
    return (table, chain) in CHAINS


def _recognises(node: NodeState) -> bool:
    return any(
        _own_chain(table, entered(rule.effect)) or any(comment in COMMENTS for comment in rule.comments)
        for table, rule in built_in_rules(node)
    )


def _explain_chain(_node: NodeState, chain: str) -> str:
    return next((phrase for (_, name), phrase in CHAINS.items() if name == chain), "")


def _enforcement(_node: NodeState) -> Enforcement:
    return Enforcement(Enforcer.NOBODY, SENTENCE)


MODULE = plain(
    "flannel",
    "flannel and no policy engine: packets are carried, policies are applied by nobody",
    _recognises,
    explain_chain=_explain_chain,
    own_chain=_own_chain,
    enforcement=_enforcement,
)
