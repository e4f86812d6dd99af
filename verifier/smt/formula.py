"""Hash-consed Boolean formulas over atoms, as integers.

A literal is `2 * node + sign`; 0 is false and 1 is true. A node is an atom (a leaf with a key) or a conjunction of
literals; disjunction is negated conjunction. Equal formulas built from the same parts are the same integer, which is
what makes the two sides of most proofs meet.
"""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterable, Mapping
from typing import TypeAlias

Literal: TypeAlias = int
FALSE: Literal = 0
TRUE: Literal = 1

AND = "&"
UNIT = "u"
"""A conjunction kept as one unit (the match of a rule), so that it is not dissolved in the conjunctions around it."""


class Store:
    """All formulas of one run; `nodes[n]` is (kind, payload): AND and UNIT hold frozensets of literals, else an atom."""

    def __init__(self) -> None:
        self.nodes: list[tuple[str, Hashable]] = [("", None)]
        self._ids: dict[tuple[str, Hashable], int] = {}

    def _node(self, kind: str, payload: Hashable) -> int:
        key = (kind, payload)
        found = self._ids.get(key)
        if found is None:
            found = self._ids[key] = len(self.nodes)
            self.nodes.append(key)
        return found

    def atom(self, kind: str, payload: Hashable) -> Literal:
        """The positive literal of an elementary test; `kind` names the field it speaks of."""
        return 2 * self._node(kind, payload)

    def parts(self, literal: Literal) -> frozenset[Literal]:
        """The conjuncts of a formula; the formula alone where it is no conjunction."""
        if literal & 1:
            return frozenset((literal,)) if literal != TRUE else frozenset()
        kind, payload = self.nodes[literal >> 1]
        if kind == AND:
            assert isinstance(payload, frozenset)
            return payload
        return frozenset((literal,))

    def both(self, a: Literal, b: Literal) -> Literal:
        """Conjunction of two."""
        if a in (TRUE, b):
            return b
        if b == TRUE:
            return a
        if FALSE in (a, b) or a ^ b == 1:
            return FALSE
        united = self.parts(a) | self.parts(b)
        for literal in united:
            if literal ^ 1 in united:
                return FALSE
        return 2 * self._node(AND, united)

    def unit(self, literals: Iterable[Literal]) -> Literal:
        """Conjunction of the tests of one rule, kept together."""
        members = frozenset(literals)
        if FALSE in members:
            return FALSE
        members -= {TRUE}
        if not members:
            return TRUE
        if len(members) == 1:
            return next(iter(members))
        return 2 * self._node(UNIT, members)

    def either(self, literals: Iterable[Literal]) -> Literal:
        """Disjunction; remainders of first-match evaluation are dropped: (f and m) or (f and not m and g) = f and (m or g)."""
        wanted = [literal for literal in literals if literal != FALSE]
        if not wanted:
            return FALSE
        if len(wanted) == 1:
            return wanted[0]
        kept: list[frozenset[Literal]] = []
        having: dict[Literal, list[frozenset[Literal]]] = {}
        for literal in wanted:
            clause = self._without_remainders(self.parts(literal), having)
            if not clause:
                return TRUE
            if not any(other <= clause for other in kept):
                kept = [other for other in kept if not clause <= other]
                kept.append(clause)
                for each in clause:
                    having.setdefault(each, []).append(clause)
        return self._disjunction(kept)

    def _without_remainders(
        self, clause: frozenset[Literal], having: Mapping[Literal, list[frozenset[Literal]]]
    ) -> frozenset[Literal]:
        """The clause without literals whose opposite another clause has beside some of the rest; `having` finds those."""
        for literal in clause:
            others = having.get(literal ^ 1)
            if others and (literal & 1 or self.nodes[literal >> 1][0] != AND):
                wider = (clause - {literal}) | {literal ^ 1}
                if any(other <= wider for other in others):
                    clause = clause - {literal}
        return clause

    def _disjunction(self, clauses: list[frozenset[Literal]]) -> Literal:
        literals = [next(iter(c)) if len(c) == 1 else 2 * self._node(AND, c) for c in clauses]
        if len(literals) == 1:
            return literals[0]
        negated = frozenset(literal ^ 1 for literal in literals)
        if any(literal ^ 1 in negated for literal in negated):
            return TRUE
        return 2 * self._node(AND, negated) ^ 1

    def below(self, literal: Literal, known: Container[int] = ()) -> list[int]:
        """The nodes that a formula is made of, itself included, parts before what they are part of.

        What is `known` is left out with all that is below it. Nothing here is as deep as the formula.
        """
        seen: set[int] = set()
        stack = [literal >> 1]
        while stack:
            node = stack.pop()
            if node in seen or node == 0 or node in known:
                continue
            seen.add(node)
            kind, payload = self.nodes[node]
            if kind in (AND, UNIT):
                assert isinstance(payload, frozenset)
                stack.extend(part >> 1 for part in payload)
        return sorted(seen)

    def atoms(self, literals: Iterable[Literal]) -> list[int]:
        """The atom nodes that these formulas are made of."""
        seen: set[int] = set()
        found: list[int] = []
        stack = [literal >> 1 for literal in literals]
        while stack:
            node = stack.pop()
            if node in seen or node == 0:
                continue
            seen.add(node)
            kind, payload = self.nodes[node]
            if kind in (AND, UNIT):
                assert isinstance(payload, frozenset)
                stack.extend(literal >> 1 for literal in payload)
            else:
                found.append(node)
        found.sort()
        return found
