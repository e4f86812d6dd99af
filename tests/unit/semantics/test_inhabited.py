"""An inhabited line: an address without a pod and the same address with one are told apart, and nothing else changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from verifier.semantics.inhabited import Inhabited
from verifier.semantics.line import cells

TOP = 40
spans = st.tuples(st.integers(0, TOP), st.integers(0, TOP)).map(lambda pair: (min(pair), max(pair)))


@given(st.lists(spans, max_size=4), spans, spans, st.lists(st.integers(0, TOP), max_size=5))
def test_masks_are_sets_of_addresses_and_of_who_has_them(
    cuts: list[tuple[int, int]], one: tuple[int, int], other: tuple[int, int], at: list[int]
) -> None:
    guests = [(TOP + 1 + number, address) for number, address in enumerate(at)]
    line = Inhabited([*cuts, one, other], TOP, guests)

    def meant(mask: int) -> set[tuple[int, int | None]]:
        """Addresses without a pod; a guest stands at the first address of its cell."""
        found: set[tuple[int, int | None]] = {
            (address, None)
            for cell in cells(mask)
            if cell < line.bare
            for address in range(line.first(cell), line.last(cell) + 1)
        }
        return found | {(ranges[0][0], handle) for handle, ranges in line.held(mask)}

    def place(address: int) -> int:
        return max(start for start in line.starts if start <= address)

    world = {(address, None) for address in range(TOP + 1)} | {(place(address), handle) for handle, address in guests}
    first, second = line.mask(*one), line.mask(*other)
    assert meant(line.all) == world
    assert meant(first) == {each for each in world if one[0] <= each[0] <= one[1]}
    assert meant(first & ~second) == meant(first) - meant(second)
    assert meant(first | second) == meant(first) | meant(second)
    for handle, address in guests:
        bit = line.mask(handle, handle)
        assert meant(bit) == {(place(address), handle)}
        ((low, high),) = line.ranges(bit)
        assert low <= address <= high
        assert (line.first(bit.bit_length() - 1), line.last(bit.bit_length() - 1)) == (low, high)
