"""The formula of a path, decided once: whether it is the conjunction of its parts, and what it is without their ways out.

Spec: specs/answers.md (composition)
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from verifier.model.path import Path
from verifier.questions.ledger import Ledger
from verifier.semantics.frames import CHOICE, PART
from verifier.semantics.parts import Role
from verifier.semantics.places import Wire
from verifier.semantics.scene import Scene
from verifier.semantics.skeleton import without
from verifier.semantics.summaries import ADDRESS, SERVICE
from verifier.smt.formula import TRUE, Literal, Store
from verifier.smt.solver import Solver


@dataclass(frozen=True, slots=True)
class Form:
    """The formula of a path: free of the parts' ways out (None where it is not), and whether it is their conjunction."""

    literal: Literal | None
    conjunction: bool


UNKNOWN = Form(None, False)
"""Of a path on which a packet comes twice by something that is drawn anew each time: it has to be walked."""


class Forms:
    """The forms of all formulas of one run and wire."""

    def __init__(self, store: Store, solver: Solver, ledger: Ledger, wire: Wire) -> None:
        self._store = store
        self._solver = solver
        self._ledger = ledger
        self._wire = wire
        self._known: dict[tuple[Path, Literal], Form] = {}
        self._spoken: dict[Literal, frozenset[Hashable]] = {}

    def form(self, path: Path, literal: Literal, roles: Sequence[Role], scene: Scene) -> Form:
        """Decide once per formula: rid of the parts' ways out, and compared with the conjunction of the parts."""
        key = (path, literal)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._analyse(literal, roles, scene)
        return found

    def speaks_of(self, literal: Literal, role: Role) -> bool:
        """Whether the formula has the parts of this role in it."""
        found = self._spoken.get(literal)
        if found is None:
            nodes = [self._store.nodes[node] for node in self._store.atoms([literal])]
            found = self._spoken[literal] = frozenset(payload for kind, payload in nodes if kind == PART)
        return (role, 0) in found

    def _analyse(self, literal: Literal, roles: Sequence[Role], scene: Scene) -> Form:
        store = self._store
        world = {ADDRESS: self._wire.remote, SERVICE: scene.services}
        expected = TRUE
        for role in roles:
            expected = store.both(expected, store.atom(PART, (role, 0)))
        self._ledger.count("shapes")
        if not self._solver.differ([(literal, expected)], world):
            return Form(expected, True)
        plain = without(store, literal, CHOICE)
        independent = plain == literal or not self._solver.differ([(literal, plain)], world)
        return Form(plain if independent else None, False)
