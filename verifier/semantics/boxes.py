"""Boxes of packets: products of a source mask, a destination mask and a service mask, and lists of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

Box3: TypeAlias = tuple[int, int, int]
"""(source cells, destination cells, service cells)."""


def meet(left: Iterable[Box3], right: Iterable[Box3]) -> list[Box3]:
    """All packets in some box of both lists."""
    others = list(right)
    out: list[Box3] = []
    for a, b, c in left:
        for x, y, z in others:
            source, destination, service = a & x, b & y, c & z
            if source and destination and service:
                out.append((source, destination, service))
    return merge(out)


def merge(boxes: Iterable[Box3]) -> list[Box3]:
    """The same packets in fewer boxes: boxes that agree in two of three sides become one, until none do."""
    current = [box for box in boxes if box[0] and box[1] and box[2]]
    while True:
        before = len(current)
        for side in range(3):
            grouped: dict[tuple[int, int], int] = {}
            for box in current:
                key = (box[(side + 1) % 3], box[(side + 2) % 3])
                grouped[key] = grouped.get(key, 0) | box[side]
            current = [_placed(side, mask, key) for key, mask in grouped.items()]
        if len(current) == before:
            return current


def _placed(side: int, mask: int, others: tuple[int, int]) -> Box3:
    if side == 0:
        return (mask, others[0], others[1])
    if side == 1:
        return (others[1], mask, others[0])
    return (others[0], others[1], mask)


def complement(boxes: Iterable[Box3], everything: Box3) -> list[Box3]:
    """The packets of `everything` that are in none of the boxes."""
    left = [everything]
    for a, b, c in boxes:
        rest: list[Box3] = []
        for x, y, z in left:
            inside = (x & a, y & b, z & c)
            if not all(inside):
                rest.append((x, y, z))
                continue
            rest.append((x & ~a, y, z))
            rest.append((x & a, y & ~b, z))
            rest.append((x & a, y & b, z & ~c))
        left = [box for box in rest if box[0] and box[1] and box[2]]
    return merge(left)
