"""The members of one set, laid out for look-ups by address.

Spec: specs/chains/sets.md
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from verifier.model.ipset import AddressPart, SetContent, SetMember

Prefix = tuple[int, int]
"""(number of host bits, address without them)."""


@dataclass(frozen=True, slots=True)
class SetIndex:
    """Members by the prefixes of their address parts.

    Each layer is a combination of host bits, one per address part, with the members whose parts have just these,
    keyed by the addresses without the host bits. The layers are in the order in which the kernel searches: most
    specific first, the first part before the second. `positions` are those of the address parts.
    """

    positions: tuple[int, ...]
    layers: tuple[tuple[tuple[int, ...], dict[tuple[int, ...], list[SetMember]]], ...]

    def candidates(self, addresses: tuple[int, ...]) -> Iterator[SetMember]:
        """Members whose address parts hold these addresses, most specific first."""
        for bits, members in self.layers:
            key = tuple(address >> width for address, width in zip(addresses, bits, strict=True))
            yield from members.get(key, ())


def index(content: SetContent) -> SetIndex:
    """Lay out the members of a set."""
    first = content.members[0].parts if content.members else ()
    positions = tuple(place for place, part in enumerate(first) if isinstance(part, AddressPart))
    layers: dict[tuple[int, ...], dict[tuple[int, ...], list[SetMember]]] = {}
    for member in content.members:
        spans = [part for part in member.parts if isinstance(part, AddressPart)]
        for combination in product(*(prefixes(part.first, part.last) for part in spans)):
            bits = tuple(width for width, _ in combination)
            key = tuple(address for _, address in combination)
            layers.setdefault(bits, {}).setdefault(key, []).append(member)
    return SetIndex(positions, tuple(sorted(layers.items(), key=lambda layer: layer[0])))


def prefixes(first: int, last: int) -> tuple[Prefix, ...]:
    """The range as the fewest prefixes, in ascending order."""
    if first == last:
        return ((0, first),)
    found: list[Prefix] = []
    while first <= last:
        room = (last - first + 1).bit_length() - 1
        aligned = (first & -first).bit_length() - 1 if first else room
        bits = min(room, aligned)
        found.append((bits, first >> bits))
        first += 1 << bits
    return tuple(found)
