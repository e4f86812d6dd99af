"""Romana: tenants and segments encoded in the bits of addresses, which its chains test with u32.

Spec: specs/compilers/romana.md
"""

from __future__ import annotations

import re

from verifier.compilers.hooks import hooked
from verifier.compilers.plain import plain
from verifier.model.node import NodeState

FIXED = {
    "ROMANA-INPUT": "Romana: packets from pods to this node",
    "ROMANA-OUTPUT": "Romana: packets from this node to pods",
    "ROMANA-FORWARD-IN": "Romana: forwarded packets to pods",
    "ROMANA-FORWARD-OUT": "Romana: forwarded packets from pods",
    "ROMANA-OP": "Romana: what its operator always admits",
}
TENANT = re.compile(r"ROMANA-(?:FW-)?T(\d+)(?:-S(\d+))?(?:-W)?")


def _own(chain: str) -> bool:
    return chain in FIXED or bool(TENANT.fullmatch(chain))


def _own_chain(table: str, chain: str) -> bool:
    return table == "filter" and _own(chain)


def _recognises(node: NodeState) -> bool:
    return hooked(node, _own)


def _explain_chain(_node: NodeState, chain: str) -> str:
    found = TENANT.fullmatch(chain)
    if found is None:
        return FIXED.get(chain, "")
    return f"Romana: tenant {found[1]}" + (f", segment {found[2]}" if found[2] else "")


MODULE = plain(
    "romana",
    "Romana (its last releases are of 2018): a chain per tenant and segment, told apart by bits of addresses",
    _recognises,
    explain_chain=_explain_chain,
    own_chain=_own_chain,
)
