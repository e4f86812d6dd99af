"""The only solver: one long-lived Z3 instance that decides whether a formula over atoms can hold.

Calls go through Z3's plain C functions: building the same questions with overloaded operators takes several times as
long, and a node asks some hundreds of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeAlias

import z3
from z3 import z3core

from verifier.smt.classes import classes
from verifier.smt.formula import AND, FALSE, TRUE, UNIT, Literal, Store

Handle: TypeAlias = Any
"""An untyped Z3 term."""


class UnsettledError(Exception):
    """The solver gave no answer, for want of time or otherwise; the text says why."""


OUT_OF_TIME = "the time limit was reached"
World: TypeAlias = dict[str, int]
"""Per kind of atom with a mask payload: the cells that exist in the question."""

MANY = 256
"""A field with more classes has no Boolean for each of them."""

Definer: TypeAlias = Callable[["Solver", Sequence[int], World], list[Handle]]
"""Says in Z3 what the atoms of a question mean: assertions to add for these atom nodes in this world."""


class Solver:
    """Asks questions about formulas of one store, by packet classes or with another meaning of the atoms."""

    def __init__(self, store: Store, deadline: float | None = None, define: Definer | None = None) -> None:
        self._store = store
        self._deadline = deadline
        self._define = define or define_by_classes
        self._context = z3.Context()
        self._solver = z3.Solver(ctx=self._context)
        self.ref: Any = self._context.ref()
        self._terms: dict[Literal, Handle] = {}
        self._nodes: set[int] = set()
        self._selectors: dict[str, list[Handle]] = {}
        self._bool = z3core.Z3_mk_bool_sort(self.ref)
        self._true = self.hold(z3core.Z3_mk_true(self.ref))
        self._false = self.hold(z3core.Z3_mk_false(self.ref))
        self._terms |= {FALSE: self._false, TRUE: self._true}
        self.asked = 0

    @property
    def context(self) -> z3.Context:
        return self._context

    def possible(self, literal: Literal, world: World) -> bool:
        """Whether some packet of the world, with some value of every opaque atom, satisfies the formula.

        `world` gives, per kind of mask atom, the cells that exist. Raises UnsettledError where the solver cannot tell.
        """
        return self._check(self.term(literal), (literal,), world)

    def differ(self, pairs: Sequence[tuple[Literal, Literal]], world: World) -> bool:
        """Whether some packet of the world is in one formula of a pair and not in the other.

        The comparison is left to the solver, so that no formula of the difference has to be built here. Raises
        UnsettledError where the solver cannot tell.
        """
        unequal = [pair for pair in pairs if pair[0] != pair[1]]
        terms = [self.hold(z3core.Z3_mk_xor(self.ref, self.term(a), self.term(b))) for a, b in unequal]
        return self._check(self.disjunction(terms), [literal for pair in unequal for literal in pair], world)

    def _check(self, claim: Handle, literals: Sequence[Literal], world: World) -> bool:
        self.asked += 1
        self._limit()
        z3core.Z3_solver_push(self.ref, self._solver.solver)
        try:
            self._add(claim)
            for assertion in self._define(self, self._store.atoms(literals), world):
                self._add(assertion)
            code = z3core.Z3_solver_check(self.ref, self._solver.solver)
        finally:
            z3core.Z3_solver_pop(self.ref, self._solver.solver, 1)
        if code == 0:
            raise UnsettledError(OUT_OF_TIME if self._deadline is not None else "the solver gave no answer")
        return bool(code == 1)

    def _limit(self) -> None:
        if self._deadline is None:
            return
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise UnsettledError(OUT_OF_TIME)
        self._solver.set("timeout", max(1, int(left * 1000)))

    def _add(self, term: Handle) -> None:
        z3core.Z3_solver_assert(self.ref, self._solver.solver, term)

    def hold(self, term: Handle) -> Handle:
        """Keep a term alive as long as the solver."""
        z3core.Z3_inc_ref(self.ref, term)
        return term

    def constant(self, name: str) -> Handle:
        """A Boolean constant of this name."""
        return self.hold(z3core.Z3_mk_const(self.ref, z3core.Z3_mk_string_symbol(self.ref, name), self._bool))

    def conjunction(self, terms: Sequence[Handle]) -> Handle:
        return self._nary(z3core.Z3_mk_and, terms, self._true)

    def disjunction(self, terms: Sequence[Handle]) -> Handle:
        return self._nary(z3core.Z3_mk_or, terms, self._false)

    def equivalence(self, a: Handle, b: Handle) -> Handle:
        return self.hold(z3core.Z3_mk_iff(self.ref, a, b))

    def choice(self, test: Handle, yes: Handle, no: Handle) -> Handle:
        """One term where a test holds, another where it does not."""
        return self.hold(z3core.Z3_mk_ite(self.ref, test, yes, no))

    def at_most_one(self, terms: Sequence[Handle]) -> Handle:
        return self.hold(z3core.Z3_mk_atmost(self.ref, len(terms), _array(terms), 1))

    def _nary(self, make: Callable[..., Handle], terms: Sequence[Handle], empty: Handle) -> Handle:
        if not terms:
            return empty
        if len(terms) == 1:
            return terms[0]
        return self.hold(make(self.ref, len(terms), _array(terms)))

    def selectors(self, kind: str, count: int) -> list[Handle]:
        """The first `count` Booleans that stand for the classes of a field."""
        known = self._selectors.setdefault(kind, [])
        while len(known) < count:
            known.append(self.constant(f"{kind}-class-{len(known)}"))
        return known[:count]

    def term(self, literal: Literal) -> Handle:
        """The Z3 term of a formula; atoms are Boolean constants that a definer gives their meaning."""
        found = self._terms.get(literal)
        if found is not None:
            return found
        for node in self._store.below(literal, self._nodes):
            self._nodes.add(node)
            kind, payload = self._store.nodes[node]
            if kind in (AND, UNIT):
                assert isinstance(payload, frozenset)
                made = self.conjunction([self._side(part) for part in sorted(payload)])
            else:
                made = self.constant(f"atom-{node}")
            self._terms[2 * node] = made
        return self._side(literal)

    def _side(self, literal: Literal) -> Handle:
        """The term of a formula whose node has one, or of its negation."""
        found = self._terms.get(literal)
        if found is None:
            found = self._terms[literal] = self.hold(z3core.Z3_mk_not(self.ref, self._terms[literal ^ 1]))
        return found

    def atoms_of(self, atoms: Sequence[int], kind: str) -> list[tuple[int, Hashable]]:
        """(literal, payload) of the atoms of a kind."""
        nodes = self._store.nodes
        return [(2 * node, nodes[node][1]) for node in atoms if nodes[node][0] == kind]

    def masked_atoms(self, atoms: Sequence[int], kind: str) -> list[tuple[int, int]]:
        """(literal, mask) of the atoms of a kind."""
        out: list[tuple[int, int]] = []
        for literal, payload in self.atoms_of(atoms, kind):
            assert isinstance(payload, int)
            out.append((literal, payload))
        return out


def _one_of(solver: Solver, literals: Sequence[Literal], signatures: Sequence[int]) -> Handle:
    """That the atoms hold as in one of some signatures, decided atom by atom; equal remainders are one term."""
    known: dict[tuple[int, ...], Handle] = {}

    def told(place: int, left: tuple[int, ...]) -> Handle:
        if place == len(literals):
            return solver.conjunction(())
        key = (place, *left)
        found = known.get(key)
        if found is None:
            with_, without = (tuple(sorted({each >> 1 for each in left if each & 1 == bit})) for bit in (1, 0))
            atom = solver.term(literals[place])
            yes = told(place + 1, with_) if with_ else solver.disjunction(())
            no = told(place + 1, without) if without else solver.disjunction(())
            found = known[key] = yes if yes is no else solver.choice(atom, yes, no)
        return found

    return told(0, tuple(sorted(set(signatures))))


def _array(terms: Sequence[Handle]) -> Any:
    return (z3.Ast * len(terms))(*terms)


def define_by_classes(solver: Solver, atoms: Sequence[int], world: World) -> list[Handle]:
    """One Boolean per class of each field, exactly one holds, and an atom is the disjunction of its classes."""
    assertions: list[Handle] = []
    for kind, cells in world.items():
        masked = solver.masked_atoms(atoms, kind)
        if not masked:
            continue
        parts = classes([mask for _, mask in masked], cells)
        if len(parts) > MANY:
            literals, signatures = [literal for literal, _ in masked], [signature for _, signature in parts]
            assertions.append(_one_of(solver, literals, signatures))
            continue
        selectors = solver.selectors(kind, len(parts))
        assertions.append(solver.disjunction(selectors))
        if len(selectors) > 1:
            assertions.append(solver.at_most_one(selectors))
        for index, (literal, _) in enumerate(masked):
            members = [selectors[n] for n, (_, signature) in enumerate(parts) if signature >> index & 1]
            assertions.append(solver.equivalence(solver.term(literal), solver.disjunction(members)))
    return assertions


__all__ = ["Definer", "Handle", "Solver", "UnsettledError", "World", "define_by_classes"]
