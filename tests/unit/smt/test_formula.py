"""Formulas are simplified without changing what they mean."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.smt.classes import classes
from verifier.smt.formula import AND, FALSE, TRUE, UNIT, Literal, Store
from verifier.smt.solver import Solver

NAMES = range(4)
TREES = st.recursive(
    st.sampled_from(["false", "true", *NAMES]),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["both", "either", "unit"]), st.lists(inner, min_size=1, max_size=4)),
        st.tuples(st.just("not"), st.tuples(inner)),
    ),
    max_leaves=14,
)


def build(store: Store, tree: object) -> Literal:
    if tree in ("false", "true"):
        return TRUE if tree == "true" else FALSE
    if isinstance(tree, int):
        return store.atom("name", tree)
    assert isinstance(tree, tuple)
    kind, parts = tree
    made = [build(store, part) for part in parts]
    if kind == "not":
        return made[0] ^ 1
    if kind == "either":
        return store.either(made)
    if kind == "unit":
        return store.unit(made)
    out = TRUE
    for part in made:
        out = store.both(out, part)
    return out


def means(tree: object, world: tuple[bool, ...]) -> bool:
    if tree in ("false", "true"):
        return tree == "true"
    if isinstance(tree, int):
        return world[tree]
    assert isinstance(tree, tuple)
    kind, parts = tree
    values = [means(part, world) for part in parts]
    if kind == "not":
        return not values[0]
    return any(values) if kind == "either" else all(values)


def value(store: Store, literal: Literal, world: tuple[bool, ...]) -> bool:
    if literal in (FALSE, TRUE):
        return literal == TRUE
    kind, payload = store.nodes[literal >> 1]
    if kind in (AND, UNIT):
        assert isinstance(payload, frozenset)
        found = all(value(store, part, world) for part in payload)
    else:
        assert isinstance(payload, int)
        found = world[payload]
    return found != bool(literal & 1)


@settings(max_examples=300, deadline=None)
@given(TREES)
def test_simplified_formulas_mean_what_was_written(tree: object) -> None:
    store = Store()
    literal = build(store, tree)
    for world in product((False, True), repeat=len(NAMES)):
        assert value(store, literal, world) == means(tree, world)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 255), max_size=5), st.integers(0, 255))
def test_classes_partition_the_world_by_membership(masks: list[int], world: int) -> None:
    parts = classes(masks, world)
    union = 0
    for cells, signature in parts:
        assert cells
        assert not union & cells
        union |= cells
        for index, mask in enumerate(masks):
            assert (cells & mask == cells) if signature >> index & 1 else not cells & mask
    assert union == world
    assert len({signature for _, signature in parts}) == len(parts)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 63), st.integers(0, 63), st.integers(1, 63))
def test_the_solver_compares_masks_as_sets_of_the_world(left: int, right: int, world: int) -> None:
    store = Store()
    one, two = store.atom("cells", left), store.atom("cells", right)
    differ = Solver(store).differ([(one, two)], {"cells": world})
    assert differ == bool((left ^ right) & world)
    assert Solver(store).possible(store.both(one, two ^ 1), {"cells": world}) == bool(left & ~right & world)
