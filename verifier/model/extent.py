"""The addresses that a set of addresses holds, as ranges: the longest entry that fits decides.

Spec: specs/chains/sets.md (SET-5)
"""

from __future__ import annotations

from collections.abc import Iterable

from verifier.model.addresses import merge, subtract
from verifier.model.ipset import AddressPart, SetMember
from verifier.model.predicate import Range


def extent(members: Iterable[SetMember]) -> tuple[Range, ...]:
    """The addresses of members of one dimension; entries marked nomatch cut out what no longer entry puts back."""
    spans: list[tuple[int, int, bool]] = []
    marked = False
    for member in members:
        part = member.parts[0]
        assert isinstance(part, AddressPart)
        spans.append((part.first, part.last, member.nomatch))
        marked = marked or member.nomatch
    if not marked:
        return merge((first, last) for first, last, _ in spans)
    held: tuple[Range, ...] = ()
    for first, last, nomatch in sorted(spans, key=lambda span: span[0] - span[1]):
        held = subtract(held, ((first, last),)) if nomatch else merge((*held, (first, last)))
    return held


def of_addresses(members: Iterable[SetMember]) -> bool:
    """Whether every member is one address or network, so that the set has an extent."""
    return all(len(member.parts) == 1 and isinstance(member.parts[0], AddressPart) for member in members)
