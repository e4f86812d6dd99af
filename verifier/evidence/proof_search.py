"""Finds what a certificate needs: lemmas that refute a query, or values that satisfy it.

Nothing here has to be trusted: the checker follows every lemma and evaluates every value. The search learns a clause from
every conflict; where an assignment of all diagrams is impossible for some constant, the smallest reason becomes a field lemma.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from verifier.evidence.checker.certificate import Lemma
from verifier.evidence.checker.clauses import Clause, Clauses
from verifier.evidence.checker.nodes import FALSE, MIXED, TRUE

PAIRED = 512
"""Up to this many diagrams of one constant are compared with each other before the search."""
DECAY = 1.0 / 0.95
RESCALED = 1e100


class Comparisons:
    """Which diagrams of one constant exclude each other, with either sign; remembered for all queries of a script."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], bool] = {}

    def exclude(self, clauses: Clauses, one: int, other: int) -> bool:
        """Whether no value satisfies both literals of the nodes."""
        key = (one, other) if one < other else (other, one)
        found = self._known.get(key)
        if found is None:
            found = not clauses.nodes.meet(one, other)
            self._known[key] = found
        return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """The lemmas of a refutation, or the diagrams' literals (of the nodes) that hold together."""

    lemmas: list[Lemma] | None
    holding: list[int] = field(default_factory=list)


class ProofSearch:
    """One query: its clauses, what has been learned, and the assignment at hand."""

    def __init__(self, clauses: Clauses, comparisons: Comparisons) -> None:
        self._of = clauses
        self._comparisons = comparisons
        count = len(clauses.node_of)
        self._given = len(clauses.clauses)
        self._clauses: list[list[int]] = [list(clause) for clause in clauses.clauses]
        self._antecedents: list[tuple[int, ...]] = []
        self._watches: dict[int, list[int]] = {sign * v: [] for v in range(1, count) for sign in (1, -1)}
        self._value = [0] * count
        self._level = [0] * count
        self._reason = [-1] * count
        self._place = [0] * count
        self._unit = [-1] * count
        self._phase = [False] * count
        self._activity = [0.0] * count
        self._step = 1.0
        self._trail: list[int] = []
        self._head = 0
        self._bounds: list[int] = []
        self._fields: dict[int, list[int]] = {}
        for variable in range(1, count):
            owner = clauses.field(variable)
            if owner != MIXED:
                self._fields.setdefault(owner, []).append(variable)

    def run(self) -> Outcome:
        """The lemmas that refute the clauses, or literals that satisfy them."""
        self._relate()
        conflict = self._install()
        while True:
            if conflict < 0:
                conflict = self._propagate()
            if conflict < 0 and len(self._trail) == len(self._value) - 1:
                conflict = self._impossible()
                if conflict < 0:
                    return Outcome(None, self._holding())
            if conflict >= 0:
                if self._backed(conflict) == 0:
                    self._learn((), self._units(self._clauses[conflict], conflict))
                    return Outcome(self._trimmed())
                conflict = self._resolve(conflict)
                continue
            self._decide()

    def _relate(self) -> None:
        """Field lemmas for pairs of diagrams, both signs: disjoint, included, covering all values."""
        for variables in self._fields.values():
            if len(variables) > PAIRED:
                continue
            for place, one in enumerate(variables):
                for other in variables[:place]:
                    self._relate_pair(one, other)

    def _relate_pair(self, one: int, other: int) -> None:
        first, second = 2 * self._of.node_of[one], 2 * self._of.node_of[other]
        for a in (0, 1):
            for b in (0, 1):
                if self._comparisons.exclude(self._of, first ^ a, second ^ b):
                    self._learn((one if a else -one, other if b else -other), ())

    def _install(self) -> int:
        """Watches for the clauses at hand, their units assigned; the clause that is empty, -1 where none is."""
        for number, clause in enumerate(self._clauses):
            if not clause:
                return number
            if not self._watch(number):
                return number
        return -1

    def _watch(self, number: int) -> bool:
        """Watch a clause; one with a single literal is assigned. False where that contradicts another."""
        clause = self._clauses[number]
        if len(clause) > 1:
            self._watches[clause[0]].append(number)
            self._watches[clause[1]].append(number)
            return True
        literal = clause[0]
        held = self._holds(literal)
        if held == 0:
            self._assign(literal, number)
        return held >= 0

    def _holds(self, literal: int) -> int:
        return self._value[literal] if literal > 0 else -self._value[-literal]

    def _assign(self, literal: int, reason: int) -> None:
        variable = abs(literal)
        self._value[variable] = 1 if literal > 0 else -1
        self._level[variable] = len(self._bounds)
        self._reason[variable] = reason
        self._place[variable] = len(self._trail)
        self._trail.append(literal)
        if not self._bounds and reason >= 0:
            self._unit[variable] = reason
            if len(self._clauses[reason]) > 1:
                rest = [each for each in self._clauses[reason] if each != literal]
                self._unit[variable] = self._learn((literal,), self._units(rest, reason))

    def _units(self, clause: Sequence[int], last: int) -> tuple[int, ...]:
        """The clauses that settle the literals of a clause before any decision, then that clause."""
        return (*(self._unit[abs(literal)] for literal in clause), last)

    def _learn(self, clause: Clause, antecedents: tuple[int, ...]) -> int:
        self._clauses.append(list(clause))
        self._antecedents.append(antecedents)
        return len(self._clauses) - 1

    def _propagate(self) -> int:
        """Assign what follows; the clause that fails, -1 where none does."""
        value = self._value
        while self._head < len(self._trail):
            false = -self._trail[self._head]
            self._head += 1
            watching = self._watches[false]
            kept: list[int] = []
            for place, number in enumerate(watching):
                clause = self._clauses[number]
                if clause[0] == false:
                    clause[0], clause[1] = clause[1], false
                first = clause[0]
                state = value[first] if first > 0 else -value[-first]
                if state > 0:
                    kept.append(number)
                    continue
                for other in range(2, len(clause)):
                    literal = clause[other]
                    if (value[literal] if literal > 0 else -value[-literal]) >= 0:
                        clause[1], clause[other] = literal, false
                        self._watches[literal].append(number)
                        break
                else:
                    kept.append(number)
                    if state < 0:
                        kept.extend(watching[place + 1 :])
                        self._watches[false] = kept
                        return number
                    self._assign(first, number)
            self._watches[false] = kept
        return -1

    def _backed(self, conflict: int) -> int:
        """Return to the last level that the failing clause speaks of; that level."""
        level = max((self._level[abs(literal)] for literal in self._clauses[conflict]), default=0)
        self._undo(level)
        return level

    def _undo(self, level: int) -> None:
        if level >= len(self._bounds):
            return
        start = self._bounds[level]
        for literal in self._trail[start:]:
            self._value[abs(literal)] = 0
            self._phase[abs(literal)] = literal > 0
        del self._trail[start:]
        del self._bounds[level:]
        self._head = start

    def _resolve(self, conflict: int) -> int:
        """Learn the clause of the first point that alone leads to the conflict, and follow it; what fails then, or -1."""
        top = len(self._bounds)
        seen: set[int] = set()
        learned: list[int] = []
        units: dict[int, None] = {}
        steps: list[int] = []
        open_paths, place, number, pivot = 0, len(self._trail), conflict, 0
        while True:
            for literal in self._clauses[number]:
                variable = abs(literal)
                if variable == pivot or variable in seen:
                    continue
                seen.add(variable)
                if self._level[variable] == 0:
                    units[self._unit[variable]] = None
                elif self._level[variable] == top:
                    open_paths += 1
                    self._bump(variable)
                else:
                    learned.append(literal)
                    self._bump(variable)
            steps.append(number)
            place -= 1
            while abs(self._trail[place]) not in seen:
                place -= 1
            pivot = abs(self._trail[place])
            open_paths -= 1
            if open_paths == 0:
                break
            number = self._reason[pivot]
        learned.sort(key=lambda literal: -self._level[abs(literal)])
        asserting = -self._trail[place]
        back = self._level[abs(learned[0])] if learned else 0
        new = self._learn((asserting, *learned), (*units, *reversed(steps)))
        self._undo(back)
        self._step *= DECAY
        if not learned:
            self._assign(asserting, new)
            return -1
        self._watch(new)
        self._assign(asserting, new)
        return -1

    def _bump(self, variable: int) -> None:
        self._activity[variable] += self._step
        if self._activity[variable] > RESCALED:
            self._activity = [each / RESCALED for each in self._activity]
            self._step /= RESCALED

    def _decide(self) -> None:
        """Assign the free variable that took part in most conflicts of late, as it was last."""
        best, height = 0, -1.0
        for variable in range(1, len(self._value)):
            if not self._value[variable] and self._activity[variable] > height:
                best, height = variable, self._activity[variable]
        self._bounds.append(len(self._trail))
        self._assign(best if self._phase[best] else -best, -1)

    def _impossible(self) -> int:
        """The field lemma that a full assignment of the diagrams breaks, learned; -1 where every constant has a value."""
        for variables in self._fields.values():
            literals = [2 * self._of.node_of[each] + (self._value[each] < 0) for each in variables]
            if self._together(literals) == FALSE:
                return self._field_lemma(variables, literals)
        return -1

    def _together(self, literals: Sequence[int]) -> int:
        together = TRUE
        for literal in literals:
            together = self._of.nodes.both(together, literal)
        return together

    def _field_lemma(self, variables: Sequence[int], literals: Sequence[int]) -> int:
        of = dict(zip(literals, variables, strict=True))
        core: list[int] = []
        while self._together(core) != FALSE:
            together = self._together(core)
            for literal in literals:
                together = self._of.nodes.both(together, literal)
                if together == FALSE:
                    core.append(literal)
                    break
        clause = [of[literal] * (1 if literal & 1 else -1) for literal in core]
        clause.sort(key=lambda literal: -self._level[abs(literal)])
        number = self._learn(tuple(clause), ())
        if len(clause) > 1:
            self._watch(number)
        return number

    def _holding(self) -> list[int]:
        return [2 * self._of.node_of[each] + (self._value[each] < 0) for some in self._fields.values() for each in some]

    def _trimmed(self) -> list[Lemma]:
        """The lemmas that the last one needs, numbered anew, from 1 after the clauses of the query."""
        needed = {len(self._clauses) - 1}
        for number in range(len(self._clauses) - 1, self._given - 1, -1):
            if number in needed:
                needed.update(self._antecedents[number - self._given])
        kept = [number for number in range(self._given, len(self._clauses)) if number in needed]
        names = {number: place for place, number in enumerate([*range(self._given), *kept], 1)}
        return [
            Lemma(0, tuple(self._clauses[number]), tuple(names[a] for a in self._antecedents[number - self._given]))
            for number in kept
        ]
