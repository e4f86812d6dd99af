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
    known: dict[Literal, Span] = {FALSE: ({}, {}), TRUE: (everything, everything)}

    def value(at: Literal) -> Span:
        found = known.get(at)
        if found is None:
            can, sure = known[at ^ 1]
            found = known[at] = (minus(everything, sure), minus(everything, can))
        return found

    for node in store.below(literal):
        kind, payload = store.nodes[node]
        if kind not in (AND, UNIT):
            known[2 * node] = atoms(kind, payload)
            continue
        assert isinstance(payload, frozenset)
        can, sure = everything, everything
        for part in sorted(payload):
            inner = value(part)
            can, sure = both(can, inner[0]), both(sure, inner[1])
        known[2 * node] = (can, sure)
    return value(literal)


def without(store: Store, literal: Literal, kind: str) -> Literal:
    """The formula with every atom of a kind set false."""
    known: dict[int, Literal] = {0: FALSE}
    for node in store.below(literal):
        name, payload = store.nodes[node]
        known[node] = FALSE if name == kind else 2 * node
        if name in (AND, UNIT):
            assert isinstance(payload, frozenset)
            known[node] = TRUE
            for part in sorted(payload):
                known[node] = store.both(known[node], known[part >> 1] ^ (part & 1))
    return known[literal >> 1] ^ (literal & 1)


def region_formula(
    region: Region, address: Callable[[int], Literal], service: Callable[[int], Literal], store: Store
) -> Literal:
    """A region as a formula over the atoms of a scene."""
    return store.either(store.unit((address(cells), service(mask))) for cells, mask in region.items())
