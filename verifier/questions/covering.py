"""Which kinds of pods have to be at which addresses, so that every combination that counts for some pod is there.

Spec: specs/questions/for_all.md (FA-2, FA-4)
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Set

from verifier.model.predicate import Range
from verifier.semantics.conditions import Condition
from verifier.semantics.crowd import Crowd
from verifier.semantics.cuts import SPECIAL, WIDTH


class Covering:
    """Kinds (by number) placed at addresses of one family.

    No pod has one of the addresses that are `taken`, or one that no forwarded packet has.
    """

    def __init__(self, family: int, crowd: Crowd, among: int, taken: Set[int]) -> None:
        self.placed: dict[tuple[int, int], None] = {}
        self._crowd = crowd
        self._among = among
        self._taken = taken
        self._special = [each for ranges in SPECIAL[family].values() for each in ranges]
        self._top = (1 << WIDTH[family]) - 1
        self._kinds: dict[int, None] = {}
        self._addresses: dict[int, None] = {}

    def add(self, conditions: Iterable[Condition], spans: Collection[tuple[Range, ...]]) -> None:
        """Place what is missing: each combination of answers at an address of each class."""
        answers = self._crowd.answers(conditions, self._among)
        kinds: dict[int, int] = {}
        for kind in (*self._kinds, *answers):
            kinds.setdefault(answers[kind], kind)
        regions = _Regions(spans, self._special, self._top)
        addresses: dict[int, int] = {}
        for address in (*self._addresses, *regions.examples(self._taken)):
            addresses.setdefault(regions.of(address), address)
        there = {(answers[kind], regions.of(address)) for kind, address in self.placed}
        self._kinds.update(dict.fromkeys(kinds.values()))
        self._addresses.update(dict.fromkeys(addresses.values()))
        for answer, kind in kinds.items():
            for region, address in addresses.items():
                if (answer, region) not in there:
                    self.placed[kind, address] = None


class _Regions:
    """Addresses told apart by whether each of some sets of ranges holds them."""

    def __init__(self, spans: Iterable[tuple[Range, ...]], special: Collection[Range], top: int) -> None:
        cuts = {0}
        told = [*spans, *((each,) for each in special)]
        for ranges in told:
            for first, last in ranges:
                cuts |= {first, last + 1}
        self._starts = sorted(cut for cut in cuts if cut <= top)
        self._top = top
        place = {start: number for number, start in enumerate(self._starts)}
        signatures = [0] * (len(self._starts) + 1)
        for number, ranges in enumerate(told):
            for first, last in ranges:
                for at in range(place[first], place.get(last + 1, len(self._starts))):
                    signatures[at] |= 1 << number
        barred = sum(1 << number for number in range(len(told) - len(special), len(told)))
        self._signatures = signatures
        self._barred = barred

    def of(self, address: int) -> int:
        """The number of the region of an address."""
        return self._signatures[bisect_right(self._starts, address) - 1]

    def examples(self, taken: Set[int]) -> Iterable[int]:
        """An address of every interval that a forwarded packet can have and that is not taken."""
        for place, start in enumerate(self._starts):
            if self._signatures[place] & self._barred:
                continue
            last = self._starts[place + 1] - 1 if place + 1 < len(self._starts) else self._top
            free = next((address for address in range(start, last + 1) if address not in taken), None)
            if free is not None:
                yield free
