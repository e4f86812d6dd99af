"""Addresses as text, and sets of addresses as the fewest networks."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from verifier.model.fields import ADDRESS_BITS
from verifier.model.predicate import Range


def address_text(family: int, address: int) -> str:
    """An address as people write it: IPv6 in its shortest form, which for one with an IPv4 address in it has dots."""
    if family == 4:
        return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"
    if address >> 32 == 0xFFFF or (address >> 32 == 0 and address > 0xFFFF):
        return f"::{'ffff:' if address >> 32 else ''}{address_text(4, address & 0xFFFFFFFF)}"
    return str(ipaddress.IPv6Address(address))


def parse_address(text: str) -> tuple[int, int]:
    """Family and integer of an address; ValueError where the text is none."""
    if "/" in text or "%" in text:
        raise ValueError(f"not an address: {text!r}")
    parsed = ipaddress.ip_address(text)
    return parsed.version, int(parsed)


def whole(family: int) -> tuple[Range, ...]:
    """Every address of a family."""
    return ((0, (1 << ADDRESS_BITS[family]) - 1),)


def merge(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """The same numbers as sorted, disjoint ranges that do not touch."""
    merged: list[Range] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            if last > merged[-1][1]:
                merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    return tuple(merged)


def subtract(ranges: Iterable[Range], removed: Iterable[Range]) -> tuple[Range, ...]:
    """The numbers of `ranges` that are not in `removed`, merged."""
    left: list[Range] = []
    cuts = merge(removed)
    position = 0
    for first, last in merge(ranges):
        while position < len(cuts) and cuts[position][1] < first:
            position += 1
        start, index = first, position
        while index < len(cuts) and cuts[index][0] <= last:
            if start < cuts[index][0]:
                left.append((start, cuts[index][0] - 1))
            start = cuts[index][1] + 1
            index += 1
        if start <= last:
            left.append((start, last))
    return tuple(left)


def networks(family: int, ranges: Iterable[Range]) -> list[str]:
    """The fewest CIDR blocks that hold exactly these addresses, in ascending order."""
    bits = ADDRESS_BITS[family]
    found: list[str] = []
    for first, last in merge(ranges):
        start = first
        while start <= last:
            size = (start & -start).bit_length() - 1 if start else bits
            size = min(size, (last - start + 1).bit_length() - 1)
            found.append(f"{address_text(family, start)}/{bits - size}")
            start += 1 << size
    return found
