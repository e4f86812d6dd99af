"""Terms of SMT-LIB 2 as text, with the variables that they read.

Constants are folded while a term is put together, so that scripts stay short; nothing else is simplified.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HOST_BITS = {32: 8, 128: 16}
"""Of a list of single addresses, those that share all bits but so many are written together."""


@dataclass(frozen=True, slots=True)
class Term:
    """A term and the names of the variables of a packet that occur free in it."""

    text: str
    reads: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return self.text


TRUE, FALSE = Term("true"), Term("false")


def truth(value: bool) -> Term:
    """One of the two constants."""
    return TRUE if value else FALSE


def number(value: int, width: int) -> Term:
    """A bit vector: hexadecimal where the width allows."""
    if width % 4 == 0:
        return Term(f"#x{value:0{width // 4}x}")
    return Term(f"#b{value:0{width}b}")


def variable(name: str) -> Term:
    """A variable of the packet."""
    return Term(name, frozenset((name,)))


def apply(head: str, *parts: Term) -> Term:
    """An application of a function or operator."""
    reads = frozenset().union(*(part.reads for part in parts)) if parts else frozenset()
    return Term(f"({head} {' '.join(part.text for part in parts)})" if parts else head, reads)


def conj(parts: Iterable[Term]) -> Term:
    """Conjunction."""
    kept: list[Term] = []
    for part in parts:
        if part.text == "false":
            return FALSE
        if part.text != "true":
            kept.append(part)
    if not kept:
        return TRUE
    return kept[0] if len(kept) == 1 else apply("and", *kept)


def disj(parts: Iterable[Term]) -> Term:
    """Disjunction."""
    kept: list[Term] = []
    for part in parts:
        if part.text == "true":
            return TRUE
        if part.text != "false":
            kept.append(part)
    if not kept:
        return FALSE
    return kept[0] if len(kept) == 1 else apply("or", *kept)


def negation(part: Term) -> Term:
    """Negation."""
    if part.text in ("true", "false"):
        return truth(part.text == "false")
    return apply("not", part)


def equal(left: Term, right: Term) -> Term:
    """Equality of two terms of one sort."""
    return apply("=", left, right)


def choice(condition: Term, then: Term, otherwise: Term) -> Term:
    """If-then-else."""
    if condition.text == "true":
        return then
    return otherwise if condition.text == "false" else apply("ite", condition, then, otherwise)


def within(value: Term, width: int, ranges: Sequence[tuple[int, int]]) -> Term:
    """Whether a bit vector lies in one of the inclusive ranges; a block of addresses is one test of its leading bits."""
    return disj(
        _inside(value, width, first, min(last, (1 << width) - 1)) for first, last in ranges if first < 1 << width
    )


def addresses(value: Term, width: int, ranges: Sequence[tuple[int, int]]) -> Term:
    """Whether an address lies in one of the ranges; single addresses are told by their leading bits, then by the rest."""
    rest = HOST_BITS[width]
    singles: dict[int, list[int]] = {}
    for first, last in ranges:
        if first == last:
            singles.setdefault(first >> rest, []).append(first)
    crowded = {leading for leading, found in singles.items() if len(found) > 2}
    alone = [each for each in ranges if each[0] != each[1] or each[0] >> rest not in crowded]
    parts = [within(value, width, alone)]
    for leading in sorted(crowded):
        head = equal(apply(f"(_ extract {width - 1} {rest})", value), number(leading, width - rest))
        tail = apply(f"(_ extract {rest - 1} 0)", value)
        hosts = sorted(set(singles[leading]))
        parts.append(conj([head, disj(equal(tail, number(each & (1 << rest) - 1, rest)) for each in hosts)]))
    return disj(parts)


def _inside(value: Term, width: int, first: int, last: int) -> Term:
    if first == last:
        return equal(value, number(first, width))
    span = last - first + 1
    if first == 0 and span == 1 << width:
        return TRUE
    free = span.bit_length() - 1
    if span == 1 << free and first % span == 0:
        leading = apply(f"(_ extract {width - 1} {free})", value)
        return equal(leading, number(first >> free, width - free))
    bounds = []
    if first > 0:
        bounds.append(apply("bvule", number(first, width), value))
    if last < (1 << width) - 1:
        bounds.append(apply("bvule", value, number(last, width)))
    return conj(bounds)


def masked(value: Term, width: int, wanted: int, mask: int) -> Term:
    """Whether value & mask == wanted."""
    mask &= (1 << width) - 1
    if wanted & ~mask:
        return FALSE
    if mask == 0:
        return TRUE
    if mask == (1 << width) - 1:
        return equal(value, number(wanted, width))
    return equal(apply("bvand", value, number(mask, width)), number(wanted, width))


def flattened(text: str) -> str:
    """A text as a comment can hold it: one line of printable ASCII."""
    return "".join(each if " " <= each <= "~" else each.encode("unicode_escape").decode("ascii") for each in text)
