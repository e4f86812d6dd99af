"""Evaluating the formula of a path over regions: parts and atoms replaced by what they hold.

Every value is a pair (what can be, what is for sure); they differ where something opaque decides.

Spec: specs/answers.md (composition)
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from itertools import product
from typing import TypeAlias

from verifier.semantics.regions import Region, both, join, minus, same
from verifier.semantics.summaries import OPAQUE
from verifier.smt.formula import AND, FALSE, TRUE, UNIT, Literal, Store

Span: TypeAlias = tuple[Region, Region]
"""(can be, surely is)."""

Atoms: TypeAlias = Callable[[str, Hashable], Span]
"""What an atom of this kind and payload holds."""


MOST_OPEN = 6
"""With more opaque atoms than this, each is taken by itself wherever it stands, which may leave more open than need be."""


def evaluate(store: Store, literal: Literal, everything: Region, atoms: Atoms) -> Span:
    """The region of a formula inside a world; an opaque atom has one value at all places where it stands."""
    bounds = _bounds(store, literal, everything, atoms)
    opaque = [node for node in store.atoms([literal]) if store.nodes[node][0] == OPAQUE]
    if not opaque or len(opaque) > MOST_OPEN or same(*bounds):
        return bounds
    can: Region = {}
    sure = everything
    for values in product((FALSE, TRUE), repeat=len(opaque)):
        fixed = dict(zip((store.nodes[node] for node in opaque), values, strict=True))
        one = _bounds(store, literal, everything, _settled(fixed, everything, atoms))
        can, sure = join(can, one[0]), both(sure, one[1])
    return can, sure


def _settled(fixed: dict[tuple[str, Hashable], Literal], everything: Region, atoms: Atoms) -> Atoms:
    """The atoms with these ones true or false."""

    def atom(kind: str, payload: Hashable) -> Span:
        value = fixed.get((kind, payload))
        if value is None:
            return atoms(kind, payload)
        return (everything, everything) if value else ({}, {})

    return atom


def _bounds(store: Store, literal: Literal, everything: Region, atoms: Atoms) -> Span:
    """Bounds of the region of a formula, each atom taken by itself wherever it stands."""
    known: dict[Literal, Span] = {}

    def value(at: Literal) -> Span:
        found = known.get(at)
        if found is None:
            found = known[at] = compute(at)
        return found

    def compute(at: Literal) -> Span:
        if at in (FALSE, TRUE):
            return (everything, everything) if at else ({}, {})
        if at & 1:
            can, sure = value(at ^ 1)
            return minus(everything, sure), minus(everything, can)
        kind, payload = store.nodes[at >> 1]
        if kind not in (AND, UNIT):
            return atoms(kind, payload)
        assert isinstance(payload, frozenset)
        can, sure = everything, everything
        for part in sorted(payload):
            inner = value(part)
            can, sure = both(can, inner[0]), both(sure, inner[1])
        return can, sure

    return value(literal)


def without(store: Store, literal: Literal, kind: str) -> Literal:
    """The formula with every atom of a kind set false."""
    known: dict[Literal, Literal] = {}

    def value(at: Literal) -> Literal:
        found = known.get(at)
        if found is None:
            found = known[at] = compute(at)
        return found

    def compute(at: Literal) -> Literal:
        if at in (FALSE, TRUE):
            return at
        if at & 1:
            return value(at ^ 1) ^ 1
        name, payload = store.nodes[at >> 1]
        if name == kind:
            return FALSE
        if name not in (AND, UNIT):
            return at
        assert isinstance(payload, frozenset)
        out = TRUE
        for part in sorted(payload):
            out = store.both(out, value(part))
        return out

    return value(literal)


def region_formula(
    region: Region, address: Callable[[int], Literal], service: Callable[[int], Literal], store: Store
) -> Literal:
    """A region as a formula over the atoms of a scene."""
    return store.either(store.unit((address(cells), service(mask))) for cells, mask in region.items())
