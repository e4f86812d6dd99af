"""A formula over fields, listed: every box of values in which it holds throughout, as large as each can be.

A box allows some cells of every field; it is found by taking a point of the formula and leaving out, one after another,
what the point says beyond what the formula needs. The solver confirms each step, and at last that nothing is left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import z3

from verifier.smt.classes import classes
from verifier.smt.formula import Literal, Store
from verifier.smt.solver import OUT_OF_TIME, Handle, Solver, UnsettledError, World, define_by_classes

Claim: TypeAlias = tuple[str | Literal, int]
"""(field, index of a class that it is not in), or (a free atom, the value that it has)."""


@dataclass(frozen=True, slots=True)
class Found:
    """A box, and its simplest point.

    `box` has the cells that each field may be in, where these are not all; `truths` the free atoms that have to have a
    value. `point` has the cells of one class for every field that the formula mentions, `values` all its free atoms.
    """

    box: Mapping[str, int]
    truths: Mapping[Literal, bool]
    point: Mapping[str, int]
    values: Mapping[Literal, bool]


class Boxes:
    """The points of a world that satisfy a background, asked about with formulas over the same atoms.

    `literals` have every atom that will be asked about. `prefer` gives, for a field, numbers of cells of which a point should
    have the first that it can; `fields` the order in which fields are freed where either of two could be; `deadline` is a
    time of time.monotonic().
    """

    def __init__(
        self,
        store: Store,
        literals: Sequence[Literal],
        background: Sequence[Literal],
        world: World,
        fields: Sequence[str],
        prefer: Callable[[str], Sequence[int]],
        deadline: float | None = None,
    ) -> None:
        self._store = store
        self._deadline = deadline
        self._solver = Solver(store)
        self._context = self._solver.context
        self._checker = z3.Solver(ctx=self._context)
        self._prefer = prefer
        atoms = store.atoms([*literals, *background])
        self._world = world
        self._classes: dict[str, list[int]] = {}
        self._terms: dict[Claim, Any] = {}
        self._held: dict[str, list[Any]] = {}
        for assertion in define_by_classes(self._solver, atoms, world):
            self._checker.add(self._term(assertion))
        for kind in fields:
            masked = self._solver.masked_atoms(atoms, kind)
            if masked:
                self._classes[kind] = [cells for cells, _ in classes([mask for _, mask in masked], world[kind])]
                self._held[kind] = [self._term(each) for each in self._solver.selectors(kind, len(self._classes[kind]))]
        self._free = [2 * node for node in atoms if store.nodes[node][0] not in world]
        for literal in background:
            self._checker.add(self._of(literal))

    def _term(self, handle: Handle) -> Any:
        return z3.BoolRef(handle, self._context)

    def _of(self, literal: Literal) -> Any:
        return self._term(self._solver.term(literal))

    def possible(self, literal: Literal) -> bool:
        """Whether some point satisfies the formula; UnsettledError where the solver cannot tell."""
        return self._check([self._of(literal)])

    def boxes(self, literal: Literal) -> Iterator[Found]:
        """Boxes that together are the formula; UnsettledError where the solver cannot tell."""
        self._checker.push()
        try:
            while self._check([self._of(literal)]):
                yield (found := self._found(literal))
                self._checker.add(z3.Not(self._in(found), self._context))
        finally:
            self._checker.pop()

    def _found(self, literal: Literal) -> Found:
        model = self._checker.model()
        inside = {
            kind: next(n for n, each in enumerate(held) if z3.is_true(model.eval(each, model_completion=True)))
            for kind, held in self._held.items()
        }
        truths = {atom: z3.is_true(model.eval(self._of(atom), model_completion=True)) for atom in self._free}
        needed = self._needed(literal, self._claims(inside, truths))
        box = {
            kind: self._without(kind, {index for each, index in needed if each == kind})
            for kind in self._held
            if any(each == kind for each, _ in needed)
        }
        required = {atom: truths[atom] for atom in self._free if (atom, int(truths[atom])) in needed}
        point, values = self._simplest([self._assumed(claim) for claim in needed])
        return Found(box, required, point, values)

    def _claims(self, inside: Mapping[str, int], truths: Mapping[Literal, bool]) -> list[Claim]:
        claims: list[Claim] = [
            (kind, index) for kind, held in self._held.items() for index in range(len(held)) if index != inside[kind]
        ]
        return claims + [(atom, int(value)) for atom, value in truths.items()]

    def _needed(self, literal: Literal, claims: list[Claim]) -> list[Claim]:
        """As few of the claims as together still imply the formula."""
        outside = self._of(literal ^ 1)
        needed = self._core(outside, claims)
        assert needed is not None, "a point of the formula is not in it"
        for kind in (*self._held, *self._free):
            own = [claim for claim in needed if claim[0] == kind]
            for dropped in ([own] if len(own) > 1 else []) + [[claim] for claim in own]:
                if not all(claim in needed for claim in dropped):
                    continue
                fewer = self._core(outside, [claim for claim in needed if claim not in dropped])
                if fewer is not None:
                    needed = fewer
        return needed

    def _core(self, outside: Any, claims: list[Claim]) -> list[Claim] | None:
        """Those of the claims that keep everything inside, None where they all together do not."""
        terms = {self._assumed(claim).get_id(): claim for claim in claims}
        if self._check([outside, *(self._assumed(claim) for claim in claims)]):
            return None
        kept = {each.get_id() for each in self._checker.unsat_core()}
        return [claim for identity, claim in terms.items() if identity in kept]

    def _assumed(self, claim: Claim) -> Any:
        found = self._terms.get(claim)
        if found is None:
            kind, index = claim
            if isinstance(kind, str):
                found = z3.Not(self._held[kind][index], self._context)
            else:
                found = self._of(kind if index else kind ^ 1)
            self._terms[claim] = found
        return found

    def _without(self, kind: str, excluded: set[int]) -> int:
        cells = 0
        for index, each in enumerate(self._classes[kind]):
            cells |= 0 if index in excluded else each
        return cells

    def _in(self, found: Found) -> Any:
        parts = [
            z3.Or([each for n, each in enumerate(self._held[kind]) if self._classes[kind][n] & cells])
            for kind, cells in found.box.items()
        ]
        parts += [self._of(atom if value else atom ^ 1) for atom, value in found.truths.items()]
        return z3.And(parts) if parts else z3.BoolVal(True, self._context)

    def _simplest(self, assumed: list[Any]) -> tuple[dict[str, int], dict[Literal, bool]]:
        """A point under the assumptions, with as many of the preferred values as there can be."""
        chosen = list(assumed)
        for kind, held in self._held.items():
            wishes = (
                n for cell in self._prefer(kind) for n, mask in enumerate(self._classes[kind]) if mask >> cell & 1
            )
            wish = next((held[n] for n in wishes if self._check([*chosen, held[n]])), None)
            chosen += [wish] if wish is not None else []
        for atom in self._free:
            absent = self._of(atom ^ 1)
            chosen += [absent] if self._check([*chosen, absent]) else []
        possible = self._check(chosen)
        assert possible, "a box without a point"
        model = self._checker.model()
        point = {
            kind: next(mask for n, mask in enumerate(self._classes[kind]) if z3.is_true(model.eval(held[n], True)))
            for kind, held in self._held.items()
        }
        return point, {atom: z3.is_true(model.eval(self._of(atom), True)) for atom in self._free}

    def _check(self, assumptions: list[Any]) -> bool:
        if self._deadline is not None:
            self._checker.set("timeout", max(1, int((self._deadline - time.monotonic()) * 1000)))
        answer = self._checker.check(*assumptions)
        if answer == z3.unknown:
            raise UnsettledError(OUT_OF_TIME)
        return bool(answer == z3.sat)
