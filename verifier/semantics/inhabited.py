"""A line of addresses at some of which pods can be: beside the address without such a pod, the same one with each of them.

Spec: specs/questions/for_all.md (FA-2)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from verifier.model.predicate import Range
from verifier.semantics.line import Line


class Inhabited(Line):
    """First the cells of the line, then one more for each pod that can be at an address: of `guests`, (handle, address).

    A handle is the number by which sets and the inventory speak of a pod: none of them is an address here, nor both ends
    of one of `ranges`. The line itself has `bare` cells.
    """

    def __init__(self, ranges: Iterable[Range], top: int, guests: Sequence[tuple[int, int]]) -> None:
        super().__init__(ranges, top)
        self.bare = self.count
        placed = sorted((super(Inhabited, self).cell(address), handle) for handle, address in guests)
        self._at = [cell for cell, _ in placed]
        self._handles = [handle for _, handle in placed]
        self._single = {handle: 1 << self.bare + place for place, (_, handle) in enumerate(placed)}
        self._before = [0] * (self.bare + 1)
        for cell in self._at:
            self._before[cell + 1] += 1
        for cell in range(self.bare):
            self._before[cell + 1] += self._before[cell]
        self.count = self.bare + len(placed)
        self.all = (1 << self.count) - 1

    def mask(self, first: int, last: int) -> int:
        """The cells of a range, whoever is there, or the one of a handle."""
        if first == last and first in self._single:
            return self._single[first]
        low, high = self._index[first], self._index[last + 1]
        guests = (1 << self._before[high]) - (1 << self._before[low])
        return (1 << high) - (1 << low) | guests << self.bare

    def first(self, cell: int) -> int:
        """The lowest address of a cell."""
        return super().first(self._flat(cell))

    def last(self, cell: int) -> int:
        """The highest address of a cell."""
        return super().last(self._flat(cell))

    def _flat(self, cell: int) -> int:
        return cell if cell < self.bare else self._at[cell - self.bare]

    def ranges(self, mask: int) -> tuple[Range, ...]:
        """The addresses of a mask, whoever has them."""
        flat = mask & (1 << self.bare) - 1
        for cell, _ in self._guests(mask):
            flat |= 1 << cell
        return super().ranges(flat)

    def held(self, mask: int) -> Iterator[tuple[int, tuple[Range, ...]]]:
        """The pods of a mask: the handle of each, and the addresses of the cell that it is in."""
        for cell, handle in self._guests(mask):
            yield handle, ((super().first(cell), super().last(cell)),)

    def _guests(self, mask: int) -> Iterator[tuple[int, int]]:
        mask >>= self.bare
        while mask:
            low = mask & -mask
            place = low.bit_length() - 1
            yield self._at[place], self._handles[place]
            mask ^= low
