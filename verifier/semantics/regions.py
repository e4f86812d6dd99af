"""Regions: sets of (address of the free end, service) pairs as a two-level decision diagram.

A region maps address masks to service masks; the service masks of its entries do not overlap.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

Region: TypeAlias = dict[int, int]


def cut(region: Region, addresses: int, services: int) -> tuple[Region, Region]:
    """(the part inside a box, the part outside)."""
    inside: Region = {}
    outside: Region = {}
    for cells, service in region.items():
        common = service & services
        if common:
            within, beyond = cells & addresses, cells & ~addresses
            if within:
                inside[within] = inside.get(within, 0) | common
            if beyond:
                outside[beyond] = outside.get(beyond, 0) | common
            service &= ~services  # noqa: PLW2901
        if service:
            outside[cells] = outside.get(cells, 0) | service
    return inside, outside


def join(left: Region, right: Region) -> Region:
    """Union."""
    if not left:
        return right
    if not right:
        return left
    out: Region = {}
    used = 0
    for cells, service in left.items():
        used |= service
        rest = service
        for others, theirs in right.items():
            common = rest & theirs
            if common:
                united = cells | others
                out[united] = out.get(united, 0) | common
                rest &= ~common
                if not rest:
                    break
        if rest:
            out[cells] = out.get(cells, 0) | rest
    for others, theirs in right.items():
        rest = theirs & ~used
        if rest:
            out[others] = out.get(others, 0) | rest
    return out


def minus(left: Region, right: Region) -> Region:
    """The pairs of `left` that are not in `right`."""
    if not right:
        return left
    out: Region = {}
    for cells, service in left.items():
        rest = service
        for others, theirs in right.items():
            common = rest & theirs
            if common:
                remaining = cells & ~others
                if remaining:
                    out[remaining] = out.get(remaining, 0) | common
                rest &= ~common
                if not rest:
                    break
        if rest:
            out[cells] = out.get(cells, 0) | rest
    return out


def both(left: Region, right: Region) -> Region:
    """Intersection."""
    out: Region = {}
    for cells, service in left.items():
        for others, theirs in right.items():
            common = service & theirs
            if common and (met := cells & others):
                out[met] = out.get(met, 0) | common
    return out


def union(boxes: Iterable[tuple[int, int]], addresses: int, services: int) -> Region:
    """The region of (address mask, service mask) boxes inside a world."""
    out: Region = {}
    for cells, service in boxes:
        if cells & addresses and service & services:
            out = join(out, {cells & addresses: service & services})
    return out


def slice_at(region: Region, bit: int) -> int:
    """The services of one address cell."""
    out = 0
    for cells, service in region.items():
        if cells & bit:
            out |= service
    return out


def within(region: Region, addresses: int) -> Region:
    """The part of a region whose addresses lie in a mask."""
    out: Region = {}
    for cells, service in region.items():
        met = cells & addresses
        if met:
            out[met] = out.get(met, 0) | service
    return out


def same(left: Region, right: Region) -> bool:
    """Whether two regions hold the same pairs."""
    return not minus(left, right) and not minus(right, left)
