"""The profile of a node whose compiler is not known: pods by address, no documented deviations.

Spec: specs/compilers/generic.md
"""

from __future__ import annotations

from verifier.compilers.plain import plain
from verifier.model.node import NodeState


def _recognises(_node: NodeState) -> bool:
    return True


MODULE = plain(
    "generic",
    "no single compiler is recognised: pods are told apart by address and route, and nothing is excused",
    _recognises,
)
