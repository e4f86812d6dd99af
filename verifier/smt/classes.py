"""Exact packet classes: the coarsest partition of a world in which no atom can tell two members of a class apart."""

from __future__ import annotations

from collections.abc import Sequence


def classes(masks: Sequence[int], world: int) -> list[tuple[int, int]]:
    """Partition `world` (a bit mask over cells) by membership in `masks`.

    Returns (cells of the class, signature) pairs; bit i of a signature tells membership in masks[i]. Classes are not
    empty, do not overlap, and cover the world.
    """
    parts = [(world, 0)] if world else []
    for index, mask in enumerate(masks):
        split: list[tuple[int, int]] = []
        for cells, signature in parts:
            inside = cells & mask
            if not inside:
                split.append((cells, signature))
            elif inside == cells:
                split.append((cells, signature | 1 << index))
            else:
                split.append((inside, signature | 1 << index))
                split.append((cells ^ inside, signature))
        parts = split
    return parts
