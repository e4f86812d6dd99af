"""The closed language in which every match, selector and peer says which packets it means.

Spec: specs/chains/predicates.md
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from verifier.model.fields import End, Field, Label

Range: TypeAlias = tuple[int, int]
"""Both ends included."""


@dataclass(frozen=True, slots=True)
class InRange:
    """Holds when the field exists for the packet and lies in one of the ranges.

    A field that does not exist (a port of an ICMP packet) lies in no range, so Not(InRange(...)) holds for it;
    a module whose negated form does not (tcp, udp) conjoins its protocol outside the negation. With `family` 4 or 6
    it holds only for packets of that family; 0 asks nothing of the family.
    """

    field: Field
    ranges: tuple[Range, ...]
    family: int = 0


@dataclass(frozen=True, slots=True)
class Masked:
    """Holds when field & mask == value; with value outside mask it never holds."""

    field: Field
    value: int
    mask: int


@dataclass(frozen=True, slots=True)
class Named:
    """Holds when a textual field (an interface) equals `name`, or begins with it when `prefix`."""

    field: Field
    name: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """Holds when the packet is in the named set, its dimensions read from these ends.

    `directions` holds "src" or "dst" per dimension, as `--match-set NAME src,dst` gives them. `nomatch` asks for
    exactly the entries marked nomatch (`--return-nomatch`). Names beginning with "@" are facts of the node, not ipsets:
    "@local", "@broadcast", "@multicast", "@unicast", ... (see verifier.model.node).
    """

    name: str
    directions: tuple[str, ...]
    nomatch: bool = False


@dataclass(frozen=True, slots=True)
class LabelIn:
    """Holds when the label exists and its value is one of `values` (None: any value).

    A selector's NotIn is Not(LabelIn(...)), so that it holds for a missing key, as Kubernetes has it.
    """

    label: Label
    values: frozenset[str] | None


class TextTest(Enum):
    """How the value of a label is compared with a text of which it need not be all."""

    CONTAINS = "contains"
    STARTS = "starts with"
    ENDS = "ends with"

    def holds(self, value: str, text: str) -> bool:
        """Whether a value passes the test."""
        if self is TextTest.CONTAINS:
            return text in value
        return value.startswith(text) if self is TextTest.STARTS else value.endswith(text)


@dataclass(frozen=True, slots=True)
class LabelText:
    """Holds when the label exists and its value contains the text, or begins or ends with it."""

    label: Label
    test: TextTest
    text: str


class Declared(Enum):
    """Which declarations of a port's name count: of several regular containers the first or all, or those of sidecars."""

    FIRST = "first"
    REGULAR = "regular"
    SIDECAR = "sidecar"


@dataclass(frozen=True, slots=True)
class PortNamed:
    """Holds when the end is a pod that declares its port under this name and protocol: the destination's as a rule."""

    protocol: int
    name: str
    declared: Declared = Declared.REGULAR
    end: End = End.DESTINATION


@dataclass(frozen=True, slots=True)
class Thing:
    """Holds when one labelled thing at this end of the packet satisfies all of `part` by itself.

    The things at an address are the pod that has it and every network set of the cluster that holds it; `part` is made
    of LabelIn, LabelText, PortNamed, All, AnyOf and Not, of this end only. Of a network set only its own labels, and
    those of its namespace where it has one, exist; it has no service account and no ports.
    """

    end: End
    part: Predicate


@dataclass(frozen=True, slots=True)
class All:
    """Conjunction; empty: every packet."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Disjunction; empty: no packet."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Negation."""

    part: Predicate


@dataclass(frozen=True, slots=True)
class Opaque:
    """Something that has no static meaning here: either truth value is possible at each occurrence.

    `chance` says that both values do occur among packets that look the same (chance, history).
    """

    text: str
    chance: bool = False


Predicate: TypeAlias = (
    InRange | Masked | Named | Member | LabelIn | LabelText | PortNamed | Thing | All | AnyOf | Not | Opaque
)

TRUE: Predicate = All(())
FALSE: Predicate = AnyOf(())


def all_of(*parts: Predicate) -> Predicate:
    """Conjunction with nested conjunctions flattened and single parts unwrapped."""
    flat: list[Predicate] = []
    for part in parts:
        if isinstance(part, All):
            flat.extend(part.parts)
        elif part == FALSE:
            return FALSE
        else:
            flat.append(part)
    return flat[0] if len(flat) == 1 else All(tuple(flat))


def any_of(*parts: Predicate) -> Predicate:
    """Disjunction with nested disjunctions flattened and single parts unwrapped."""
    flat: list[Predicate] = []
    for part in parts:
        if isinstance(part, AnyOf):
            flat.extend(part.parts)
        elif part == TRUE:
            return TRUE
        else:
            flat.append(part)
    return flat[0] if len(flat) == 1 else AnyOf(tuple(flat))


def negate(part: Predicate, negated: bool = True) -> Predicate:
    """`part`, or its negation; double negations vanish."""
    if not negated:
        return part
    if part == TRUE:
        return FALSE
    if part == FALSE:
        return TRUE
    return part.part if isinstance(part, Not) else Not(part)


def equals(field: Field, value: int) -> Predicate:
    """The field has exactly this value."""
    return InRange(field, ((value, value),))


def tests_of(predicate: Predicate) -> Iterator[Predicate]:
    """The single tests of which a predicate is made, those of labelled things too, in the order in which it is written."""
    match predicate:
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from tests_of(part)
        case Not(part) | Thing(_, part):
            yield from tests_of(part)
        case _:
            yield predicate


def sets_of(predicate: Predicate) -> Iterator[str]:
    """The names of the sets that a predicate asks about, in order, as often as it does."""
    return (test.name for test in tests_of(predicate) if isinstance(test, Member))
