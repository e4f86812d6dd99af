"""Antrea: policies as flows of Open vSwitch; its iptables chains carry and masquerade.

Spec: specs/compilers/antrea.md
"""

from __future__ import annotations

from verifier.compilers.elsewhere import ANTREA
from verifier.compilers.hooks import enters
from verifier.compilers.plain import plain
from verifier.model.node import NodeState

NODE_POLICIES = "ANTREA-POL-"


def _recognises(node: NodeState) -> bool:
    return bool(enters(node, ANTREA.own_chain))


def _explain_chain(_node: NodeState, chain: str) -> str:
    if chain.startswith(NODE_POLICIES):
        return "Antrea: policies for the node itself"
    return "Antrea: routing and masquerade" if ANTREA.own_chain("", chain) else ""


MODULE = plain(
    ANTREA.name,
    "Antrea: policies are flows of Open vSwitch, which no dump of iptables shows; nothing is decided",
    _recognises,
    explain_chain=_explain_chain,
    own_chain=ANTREA.own_chain,
)
