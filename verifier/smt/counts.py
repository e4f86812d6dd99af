"""How many of each kind, where only sums are known: the least and the most of every unknown that fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import z3

Sum = TypeVar("Sum")


def extents(kinds: Sequence[Mapping[Sum, int]], totals: Mapping[Sum, int]) -> list[tuple[int, int]] | None:
    """For each kind, the least and the most of it with which every sum has its total; None where nothing fits.

    A kind says how often one of it counts in each sum.
    """
    unknown = [z3.Int(f"kind{number}") for number in range(len(kinds))]
    solver = z3.Optimize()
    solver.add(*(each >= 0 for each in unknown))
    for sum_, total in totals.items():
        parts = [kind[sum_] * each for kind, each in zip(kinds, unknown, strict=True) if sum_ in kind]
        solver.add(z3.Sum(parts) == total if parts else z3.BoolVal(total == 0))
    if solver.check() != z3.sat:
        return None
    return [(_extreme(solver, each, least=True), _extreme(solver, each, least=False)) for each in unknown]


def _extreme(solver: z3.Optimize, unknown: z3.ArithRef, *, least: bool) -> int:
    solver.push()
    goal = solver.minimize(unknown) if least else solver.maximize(unknown)
    solver.check()
    found = solver.lower(goal) if least else solver.upper(goal)
    solver.pop()
    return int(found.as_long())
