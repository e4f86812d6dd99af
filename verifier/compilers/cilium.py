"""Cilium: policies in eBPF programs; its iptables chains redirect, masquerade and keep out of the way.

Spec: specs/compilers/cilium.md
"""

from __future__ import annotations

from verifier.compilers.elsewhere import CILIUM
from verifier.compilers.hooks import enters
from verifier.compilers.plain import plain
from verifier.model.node import NodeState


def _recognises(node: NodeState) -> bool:
    return bool(enters(node, CILIUM.own_chain))


def _explain_chain(_node: NodeState, chain: str) -> str:
    return (
        "Cilium: masquerade, redirection to its proxy, exemption from tracking" if CILIUM.own_chain("", chain) else ""
    )


MODULE = plain(
    CILIUM.name,
    "Cilium: policies are eBPF programs, which no dump of iptables shows; nothing is decided",
    _recognises,
    explain_chain=_explain_chain,
    own_chain=CILIUM.own_chain,
)
