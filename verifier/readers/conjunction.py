"""What several tests of one rule mean together, without what they say twice.

Spec: specs/chains/predicates.md
"""

from __future__ import annotations

from collections.abc import Iterable

from verifier.model.fields import Field
from verifier.model.predicate import FALSE, TRUE, All, AnyOf, InRange, Predicate


def conjunction(parts: Iterable[Predicate]) -> Predicate:
    """All of the parts, each once, in order; a list of protocols goes where one of them is asked for anyway.

    Parts that are one object are found to be the same without being compared.
    """
    flat: dict[int, Predicate] = {}
    protocols: list[InRange] = []
    for part in parts:
        for inner in part.parts if type(part) is All else (part,):
            if id(inner) in flat:
                continue
            if type(inner) is InRange and inner.field is Field.PROTOCOL:
                protocols.append(inner)
            if type(inner) is AnyOf and not inner.parts:
                return FALSE
            flat[id(inner)] = inner
    if len(protocols) > 1:
        _drop_wider(flat, protocols)
    found = tuple(flat.values())
    if len(found) == 1:
        return found[0]
    return All(found) if found else TRUE


def interned(predicate: Predicate, known: dict[Predicate, Predicate]) -> tuple[Predicate, ...]:
    """The conjuncts of a predicate; equal ones are one object for as long as `known` is kept."""
    parts = predicate.parts if isinstance(predicate, All) else (predicate,)
    return tuple([known.setdefault(part, part) for part in parts])


def _drop_wider(flat: dict[int, Predicate], protocols: list[InRange]) -> None:
    for narrow in protocols:
        for wide in protocols:
            if wide is not narrow and id(wide) in flat and id(narrow) in flat and _covers(wide, narrow):
                del flat[id(wide)]


def _covers(wide: InRange, narrow: InRange) -> bool:
    return all(any(first <= low and high <= last for first, last in wide.ranges) for low, high in narrow.ranges)
