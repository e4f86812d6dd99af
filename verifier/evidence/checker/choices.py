"""Vectors of which only a few values are possible, each under a condition; exactly one of the conditions holds.

A traversal of chains stands in few ways: it goes on, or has been accepted or dropped, with few marks. A rule asks little of a
packet that is known to stand in one of them, and much of bits that each depend on everything before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from verifier.evidence.checker.nodes import FALSE, Nodes
from verifier.evidence.checker.terms import Choice, Value

MOST_VALUES = 64
"""Of more values, each bit is told apart."""


def chosen(nodes: Nodes, ways: Iterable[tuple[int, Value]]) -> Value:
    """The value under conditions of which exactly one holds; where it is a vector, equal values are one."""
    found: dict[Value, list[int]] = {}
    for condition, value in ways:
        if condition == FALSE:
            continue
        if not isinstance(value, Choice):
            found.setdefault(value, []).append(condition)
            continue
        for further, inner in value.ways:
            both = nodes.all_of(condition, further)
            if both != FALSE:
                found.setdefault(inner, []).append(both)
    if len(found) == 1:
        return next(iter(found))
    merged = tuple((nodes.disjunction(each), value) for value, each in found.items())
    if not all(isinstance(value, tuple) for value in found):
        return nodes.disjunction(nodes.all_of(condition, as_bit(value)) for condition, value in merged)
    return Choice(merged) if len(merged) <= MOST_VALUES else _bits(nodes, merged)


def over(nodes: Nodes, values: list[Value], operation: Callable[[list[Value]], Value]) -> Value:
    """The result of an operation, for every way in which its arguments have values."""
    for place, value in enumerate(values):
        if isinstance(value, Choice):
            before, after = values[:place], values[place + 1 :]
            return chosen(nodes, [(each, over(nodes, [*before, one, *after], operation)) for each, one in value.ways])
    return operation(values)


def as_bit(value: Value) -> int:
    """A Boolean."""
    assert isinstance(value, int)
    return value


def _bits(nodes: Nodes, ways: Iterable[tuple[int, Value]]) -> Value:
    """Bit by bit: whether a way holds in which the bit is set."""
    vectors = [(condition, value) for condition, value in ways if isinstance(value, tuple)]
    width = len(vectors[0][1])
    return tuple(
        nodes.disjunction([nodes.all_of(condition, value[place]) for condition, value in vectors])
        for place in range(width)
    )
