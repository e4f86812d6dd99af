"""The profile of a node whose compiler is not known: pods by address, no documented deviations.

Spec: specs/compilers/generic.md
"""

from __future__ import annotations

from verifier.model.cluster import Pod
from verifier.model.node import NodeState
from verifier.model.profile import Deviation, MarkBit, Profile


def _recognises(_node: NodeState) -> bool:
    return True


def _pod_interface(_node: NodeState, _pod: Pod) -> str:
    return ""


def _pod_interfaces(_node: NodeState) -> tuple[str, ...]:
    return ()


def _explain_chain(_node: NodeState, _chain: str) -> str:
    return ""


def _mark_bits(_node: NodeState) -> tuple[MarkBit, ...]:
    return ()


def _deviations(_node: NodeState) -> tuple[Deviation, ...]:
    return ()


MODULE = Profile(
    name="generic",
    summary="no single compiler is recognised: pods are told apart by address and route, and nothing is excused",
    recognises=_recognises,
    pod_interface=_pod_interface,
    pod_interfaces=_pod_interfaces,
    explain_chain=_explain_chain,
    mark_bits=_mark_bits,
    deviations=_deviations,
)
