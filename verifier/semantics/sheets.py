"""A line of addresses with one more sheet for each pod that can be anywhere: the same addresses, held by such a pod.

Spec: specs/questions/for_all.md (FA-2)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from verifier.model.predicate import Range
from verifier.semantics.line import Line, cells


class Sheets(Line):
    """The first sheet has every address without such a pod, each further one every address that its pod can have.

    `handles` are the addresses by which sets and the inventory speak of these pods: none of them is an address here, nor
    both ends of one of `ranges`. `barred` are addresses that none of these pods has; their ends are among the cuts. The
    first sheet has `bare` cells.
    """

    def __init__(self, ranges: Iterable[Range], top: int, handles: Sequence[int], barred: Iterable[Range]) -> None:
        super().__init__(ranges, top)
        self.bare, whole = self.count, self.all
        free = whole
        for first, last in barred:
            free &= ~super().mask(first, last)
        self._free = tuple(cells(free))
        self._place = [0]
        for cell in range(self.bare):
            self._place.append(self._place[-1] + (free >> cell & 1))
        width = len(self._free)
        self._sheet = (1 << width) - 1
        self._repeated = sum(1 << (self.bare + number * width) for number in range(len(handles)))
        self._held = {handle: self._sheet << (self.bare + number * width) for number, handle in enumerate(handles)}
        self.count = self.bare + width * len(handles)
        self.all = whole | self._sheet * self._repeated

    def mask(self, first: int, last: int) -> int:
        """The cells of a range on every sheet, or all that the pod of a handle has."""
        if first == last and first in self._held:
            return self._held[first]
        low, high = self._index[first], self._index[last + 1]
        sheet = (1 << self._place[high]) - (1 << self._place[low])
        return (1 << high) - (1 << low) | sheet * self._repeated

    def first(self, cell: int) -> int:
        """The lowest address of a cell."""
        return super().first(self._flat(cell))

    def last(self, cell: int) -> int:
        """The highest address of a cell."""
        return super().last(self._flat(cell))

    def _flat(self, cell: int) -> int:
        return cell if cell < self.bare else self._free[(cell - self.bare) % len(self._free)]

    def ranges(self, mask: int) -> tuple[Range, ...]:
        """The addresses of a mask, whoever has them."""
        folded = mask & (1 << self.bare) - 1
        for _, here in self.held(mask):
            folded |= here
        return super().ranges(folded)

    def held(self, mask: int) -> Iterable[tuple[int, int]]:
        """The pods that can be anywhere in a mask: the handle of each, and its cells as those of the first sheet."""
        mask >>= self.bare
        for handle in self._held:
            if not mask:
                return
            here = mask & self._sheet
            if here:
                yield handle, sum(1 << self._free[place] for place in cells(here))
            mask >>= len(self._free)
