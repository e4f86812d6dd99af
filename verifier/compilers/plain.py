"""A profile that knows names at most: pods are told apart by address and route, and nothing is excused.

Spec: specs/compilers/generic.md (GEN-2)
"""

from __future__ import annotations

from collections.abc import Callable

from verifier.model.node import NodeState
from verifier.model.profile import Deviation, Enforcement, MarkBit, Profile, by_rules


def _mark_bits(_node: NodeState) -> tuple[MarkBit, ...]:
    return ()


def _deviations(_node: NodeState) -> tuple[Deviation, ...]:
    return ()


def _no_phrase(_node: NodeState, _chain: str) -> str:
    return ""


def _nobodys(_table: str, _chain: str) -> bool:
    return False


def plain(
    name: str,
    summary: str,
    recognises: Callable[[NodeState], bool],
    *,
    explain_chain: Callable[[NodeState, str], str] = _no_phrase,
    own_chain: Callable[[str, str], bool] = _nobodys,
    enforcement: Callable[[NodeState], Enforcement] = by_rules,
) -> Profile:
    """Such a profile, with what it knows of names and of who applies the policies."""
    return Profile(
        name=name,
        summary=summary,
        recognises=recognises,
        explain_chain=explain_chain,
        mark_bits=_mark_bits,
        deviations=_deviations,
        own_chain=own_chain,
        enforcement=enforcement,
    )
