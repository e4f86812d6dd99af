"""Sheets: an address without a pod and the same address with one are told apart, and nothing else changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from verifier.semantics.line import cells
from verifier.semantics.sheets import Sheets

TOP = 40
HANDLES = (TOP + 1, TOP + 2)
spans = st.tuples(st.integers(0, TOP), st.integers(0, TOP)).map(lambda pair: (min(pair), max(pair)))


@given(st.lists(spans, max_size=4), st.lists(spans, max_size=2), spans, spans)
def test_masks_are_sets_of_addresses_and_of_who_has_them(
    cuts: list[tuple[int, int]], barred: list[tuple[int, int]], one: tuple[int, int], other: tuple[int, int]
) -> None:
    line = Sheets([*cuts, *barred, one, other], TOP, HANDLES, barred)
    free = [a for a in range(TOP + 1) if not any(first <= a <= last for first, last in barred)]
    world = {(a, None) for a in range(TOP + 1)} | {(a, handle) for a in free for handle in HANDLES}

    def meant(mask: int) -> set[tuple[int, int | None]]:
        bare = {
            (a, None) for cell in cells(mask) if cell < line.bare for a in range(line.first(cell), line.last(cell) + 1)
        }
        held = {
            (a, handle)
            for handle, here in line.held(mask)
            for cell in cells(here)
            for a in range(line.first(cell), line.last(cell) + 1)
        }
        return bare | held

    first, second = line.mask(*one), line.mask(*other)
    assert meant(line.all) == world
    assert meant(first) == {each for each in world if one[0] <= each[0] <= one[1]}
    assert meant(first & ~second) == meant(first) - meant(second)
    for handle in HANDLES:
        assert meant(line.mask(handle, handle)) == {each for each in world if each[1] == handle}
        inside = meant(line.mask(handle, handle) & first)
        ranges = line.ranges(line.mask(handle, handle) & first)
        assert {a for low, high in ranges for a in range(low, high + 1)} == {a for a, _ in inside}
