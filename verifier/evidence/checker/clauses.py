"""A query as clauses, by a fixed scheme: one variable per node, numbered from 1 where the query first meets it.

Conjunctions become clauses: each member follows from the conjunction, and it follows from all its members together. The
diagrams of single constants stay whole: each is one variable, and what relates them are field lemmas, which a
certificate states and `holds_in_its_field` checks. Literals are as in DIMACS: a variable's number, or minus it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from verifier.evidence.checker.nodes import FALSE, MIXED, TRUE, Nodes

Clause: TypeAlias = tuple[int, ...]


class Clauses:
    """The clauses that say that a literal of the nodes holds; they are numbered from 1 in their order."""

    def __init__(self, nodes: Nodes, root: int) -> None:
        self.nodes = nodes
        self.variables: dict[int, int] = {}
        self.node_of = [0]
        self.clauses: list[Clause] = []
        if root == FALSE:
            self.clauses.append(())
        elif root != TRUE:
            self._number(root >> 1)
            self.clauses.append((self.literal(root),))

    def literal(self, literal: int) -> int:
        """The literal of the clauses for one of the nodes."""
        variable = self.variables[literal >> 1]
        return -variable if literal & 1 else variable

    def _number(self, root: int) -> None:
        waiting = [root]
        while waiting:
            node = waiting.pop()
            if node in self.variables:
                continue
            self.variables[node] = len(self.node_of)
            self.node_of.append(node)
            waiting.extend(member >> 1 for member in reversed(self.nodes.members.get(node, ())))
        for node in self.node_of[1:]:
            self._define(node)

    def _define(self, node: int) -> None:
        members = self.nodes.members.get(node)
        if members is None:
            return
        variable = self.variables[node]
        literals = [self.literal(member) for member in members]
        for literal in literals:
            self.clauses.append((-variable, literal))
        self.clauses.append((variable, *[-literal for literal in literals]))

    def field(self, variable: int) -> int:
        """The constant that a variable's diagram is about, or MIXED for a conjunction."""
        return self.nodes.owner[self.node_of[variable]]

    def holds_in_its_field(self, clause: Sequence[int]) -> bool:
        """Whether all literals of a clause are about one constant and every value of it satisfies one of them."""
        fields = {self.field(abs(literal)) for literal in clause}
        if len(fields) != 1 or MIXED in fields:
            return False
        together = TRUE
        for literal in clause:
            negated = 2 * self.node_of[abs(literal)] + (literal > 0)
            together = self.nodes.both(together, negated)
        return together == FALSE
