"""Which ends look alike to the chains, and in what order the rules of two ends stand.

Two ends are kin when every other end would see the same rules of theirs, wherever these stand. For a pair that leaves
one thing open, the order of the one's rules among the other's; so a path's shape is a function of both kins and that order.

Spec: specs/answers.md (composition)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

from verifier.semantics.places import LocalPod
from verifier.semantics.program import ChainKey
from verifier.semantics.scene import Axis
from verifier.semantics.shapes import End, Shapes, cell_of, sort_of

Stretch: TypeAlias = tuple[ChainKey, int]
"""A chain's rules between two rules that both ends, or none, decide."""

FIRST, LAST = 0, 1
APART = 2
"""Orders of the source's rules against the destination's in a stretch; from APART on each pair has a number of its own."""


@dataclass(slots=True)
class _Look:
    """An end as the chains see it: its kin, and in which positions of each stretch its rules stand."""

    kin: int
    spans: dict[Stretch, tuple[int, int]] = field(default_factory=dict)


class Kin:
    """Kins of the ends of one program's forward path."""

    def __init__(self, shapes: Shapes, hooks: Sequence[ChainKey]) -> None:
        self._shapes = shapes
        self._hooks = hooks
        self._looks: dict[tuple[Axis, int], _Look] = {}
        self._numbers: dict[object, int] = {}
        self._shared: dict[tuple[int, int], tuple[Stretch, ...]] = {}

    def of(self, end: End, axis: Axis) -> int:
        """The kin of an end."""
        return self._look(end, axis).kin

    def pair(self, source: End, destination: End) -> tuple[int, ...]:
        """Pairs with the same answer have the same shape at every hook."""
        mine, theirs = self._look(source, Axis.SOURCE), self._look(destination, Axis.DESTINATION)
        out = [mine.kin, theirs.kin]
        for stretch in self._stretches(mine, theirs):
            order = _order(mine.spans[stretch], theirs.spans[stretch])
            if order == APART:
                out.extend((APART, cell_of(source), cell_of(destination)))
            else:
                out.append(order)
        return tuple(out)

    def examples(
        self, senders: Sequence[LocalPod], receivers: Sequence[LocalPod]
    ) -> list[tuple[LocalPod, LocalPod]] | None:
        """A pair for every order that occurs between two groups of kin; None where that is not easily told."""
        mine, theirs = self._look(senders[0], Axis.SOURCE), self._look(receivers[0], Axis.DESTINATION)
        open_stretches = [s for s in self._stretches(mine, theirs) if not self._fixed(s, senders, receivers)]
        if len(open_stretches) > 1:
            return None
        if not open_stretches:
            pair = next(_distinct(senders, receivers), None)
            return [] if pair is None else [pair]
        return self._both_orders(open_stretches[0], senders, receivers)

    def _fixed(self, stretch: Stretch, senders: Sequence[LocalPod], receivers: Sequence[LocalPod]) -> bool:
        """Whether all pairs have the same order there because all ends have the same positions."""
        mine = {self._look(one, Axis.SOURCE).spans[stretch] for one in senders}
        theirs = {self._look(one, Axis.DESTINATION).spans[stretch] for one in receivers}
        return len(mine) == len(theirs) == 1 and _order(*mine, *theirs) != APART

    def _both_orders(
        self, stretch: Stretch, senders: Sequence[LocalPod], receivers: Sequence[LocalPod]
    ) -> list[tuple[LocalPod, LocalPod]] | None:
        """Examples where the rules of different pods never interleave, else None."""
        ends = [(self._look(one, Axis.SOURCE).spans[stretch], one) for one in senders]
        others = [(self._look(one, Axis.DESTINATION).spans[stretch], one) for one in receivers]
        spans: dict[int, tuple[int, int]] = {}
        for (low, high), one in ends + others:
            before = spans.get(one.cell, (low, high))
            spans[one.cell] = (min(low, before[0]), max(high, before[1]))
        if any(one[1] >= following[0] for one, following in pairwise(sorted(spans.values()))):
            return None
        ends.sort(key=lambda item: item[0])
        others.sort(key=lambda item: item[0])
        sender_first = next(
            (
                (s, r)
                for _, s in ends[:2]
                for _, r in reversed(others[-2:])
                if s is not r and spans[s.cell] < spans[r.cell]
            ),
            None,
        )
        receiver_first = next(
            (
                (s, r)
                for _, s in reversed(ends[-2:])
                for _, r in others[:2]
                if s is not r and spans[r.cell] < spans[s.cell]
            ),
            None,
        )
        return [pair for pair in (sender_first, receiver_first) if pair is not None]

    def _stretches(self, mine: _Look, theirs: _Look) -> tuple[Stretch, ...]:
        key = (mine.kin, theirs.kin)
        found = self._shared.get(key)
        if found is None:
            found = self._shared[key] = tuple(sorted(mine.spans.keys() & theirs.spans.keys()))
        return found

    def _look(self, end: End, axis: Axis) -> _Look:
        key = (axis, cell_of(end))
        found = self._looks.get(key)
        if found is None:
            look = _Look(-1)
            signature = (
                axis,
                sort_of(end),
                tuple([self._signature(hook, hook[1], end, axis, look) for hook in self._hooks]),
            )
            look.kin = self._numbers.setdefault(signature, len(self._numbers))
            found = self._looks[key] = look
        return found

    def _signature(self, key: ChainKey, hook: str, end: End, axis: Axis, look: _Look) -> object:
        """The rules of a chain that this end decides, by stretch; those that only it decides as tokens."""
        shapes = self._shapes
        alive = shapes.allowed(key, axis, end, hook)
        items: list[object] = []
        stretch = 0
        for one in shapes.program.chains[key].body:
            sides = shapes.influence(one)
            if sides[0] == sides[1]:
                stretch += 1
                if sides[0] and alive >> one.position & 1:
                    coupled = bool(one.test.factors or one.test.guarded)
                    inner: object = (cell_of(end),)
                    if not coupled and one.target is None:
                        inner = ()
                    elif not coupled and one.target is not None and not shapes.parts.is_part(one):
                        inner = self._signature(one.target, hook, end, axis, look)
                    items.append((stretch, inner))
            elif sides[axis] and alive >> one.position & 1:
                other = shapes.places.pods[0]
                ends = (end, other) if axis is Axis.SOURCE else (other, end)
                items.append((stretch, shapes.token(one, hook, *ends)))
                low, high = look.spans.get((key, stretch), (one.position, one.position))
                look.spans[key, stretch] = (min(low, one.position), max(high, one.position))
        return tuple(items)


def _order(mine: tuple[int, int], theirs: tuple[int, int]) -> int:
    if mine[1] < theirs[0]:
        return FIRST
    return LAST if theirs[1] < mine[0] else APART


def _distinct(senders: Sequence[LocalPod], receivers: Sequence[LocalPod]) -> Iterator[tuple[LocalPod, LocalPod]]:
    for sender in senders[:2]:
        for receiver in receivers[:2]:
            if sender is not receiver:
                yield sender, receiver
