"""An exact partition of one number line into cells, so that a set of values is one integer: a bit per cell."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator

from verifier.model.predicate import Range


class Line:
    """The values 0..top, cut at both ends of every range given; `count` cells, `all` the mask of every cell."""

    def __init__(self, ranges: Iterable[Range], top: int) -> None:
        cuts = {0, top + 1}
        for first, last in ranges:
            cuts.add(first)
            cuts.add(last + 1)
        self.starts = sorted(cuts)
        self._index = {value: index for index, value in enumerate(self.starts)}
        self.top = top
        self.count = len(self.starts) - 1
        self.all = (1 << self.count) - 1

    def mask(self, first: int, last: int) -> int:
        """The cells of an inclusive range whose ends are cuts; raises KeyError where they are not."""
        return (1 << self._index[last + 1]) - (1 << self._index[first])

    def knows(self, first: int, last: int) -> bool:
        """Whether the range is made of whole cells."""
        return first in self._index and last + 1 in self._index

    def cell(self, value: int) -> int:
        """The number of the cell that holds a value."""
        return bisect.bisect_right(self.starts, value) - 1

    def first(self, cell: int) -> int:
        """The lowest value of a cell."""
        return self.starts[cell]

    def last(self, cell: int) -> int:
        """The highest value of a cell."""
        return self.starts[cell + 1] - 1

    def ranges(self, mask: int) -> tuple[Range, ...]:
        """The values of a mask as sorted, disjoint, maximal inclusive ranges."""
        out: list[Range] = []
        for cell in cells(mask):
            first, last = self.first(cell), self.last(cell)
            if out and out[-1][1] + 1 == first:
                out[-1] = (out[-1][0], last)
            else:
                out.append((first, last))
        return tuple(out)


def cells(mask: int) -> Iterator[int]:
    """The numbers of the cells in a mask, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def single(mask: int) -> bool:
    """Whether a mask holds exactly one cell."""
    return mask != 0 and mask & (mask - 1) == 0
