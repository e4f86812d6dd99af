"""The values of a label as the tests of its text tell them apart: one class for each way in which they can turn out.

Spec: specs/questions/layer.md (LAY-3)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from verifier.model.layer import Asked
from verifier.model.predicate import TextTest

MOST = 1 << 14
"""How many states of all tests together are looked at before there are too many."""

LONGEST = 63
LOST = -1
ALNUM = "abcdefghijklmnopqrstuvwxyz0123456789"
NAME = frozenset(ALNUM + "-")
VALUE = frozenset(ALNUM + ALNUM.upper() + "-_.")
_State: TypeAlias = tuple[tuple[int, ...], str | None, bool | None]
"""(where each test is, the beginning of a named value that the text is, whether it may end here; None: it is empty)."""


class TooManyTexts(ValueError):  # noqa: N818 (what is wrong is the number)
    """The tests of one label can turn out in too many ways to be listed."""


@dataclass(frozen=True, slots=True)
class TextClass:
    """Values that all tests agree on: two of them, or the only one, and which tests they pass."""

    samples: tuple[str, ...]
    passed: frozenset[Asked]


def text_classes(
    tests: Iterable[Asked], named: Iterable[str], allowed: frozenset[str], *, empty: bool = True
) -> tuple[TextClass, ...]:
    """Every way in which the tests can turn out for a value that is none of the named ones.

    `allowed` are the characters of values; these have a letter or digit at both ends and at most 63 characters, or where
    they may be `empty` none at all. TooManyTexts where there are too many ways to be listed.
    """
    known = sorted(set(tests), key=lambda each: (each.test.value, each.text))
    taken = frozenset(named)
    first = _shortest(known, taken, allowed, empty)
    second = _shortest(known, taken.union(first.values()), allowed, empty)
    return tuple(
        TextClass((sample, second[passed]) if passed in second else (sample,), passed)
        for passed, sample in first.items()
    )


def _shortest(
    tests: Sequence[Asked], taken: frozenset[str], allowed: frozenset[str], empty: bool
) -> dict[frozenset[Asked], str]:
    """By the tests that it passes, the shortest value that is not taken; the empty one where there is no other."""
    used = sorted({char for each in tests for char in each.text} | {char for value in taken for char in value})
    alphabet = [char for char in used if char in allowed]
    unused = sorted(allowed.difference(used), key=lambda char: not char.isalnum())
    alphabet += unused[:1]  # whatever tests cannot tell apart; what a value may begin and end with is better
    prefixes = {value[:length] for value in taken for length in range(len(value) + 1)}
    found: dict[frozenset[Asked], str] = {}
    none: dict[frozenset[Asked], str] = {}
    for text, (places, _, may_end) in _reachable(tests, prefixes, alphabet):
        if may_end is not False and text not in taken:
            passed = frozenset(each for each, place in zip(tests, places, strict=True) if place == len(each.text))
            (found if text else none).setdefault(passed, text)
    return {**none, **found} if empty else found


def _reachable(tests: Sequence[Asked], prefixes: set[str], alphabet: Sequence[str]) -> Iterator[tuple[str, _State]]:
    """Texts that lead to each state, the shortest first: whatever follows one follows every other of the state."""
    start: _State = (tuple(0 for _ in tests), "" if prefixes else None, None)
    seen = {start}
    layer = [("", start)]
    for _ in range(LONGEST + 1):
        yield from layer
        following: list[tuple[str, _State]] = []
        for text, (places, beginning, _) in layer:
            for char in alphabet if text else (each for each in alphabet if each.isalnum()):
                longer = None if beginning is None else beginning + char
                moved = tuple(_moved(each, place, char) for each, place in zip(tests, places, strict=True))
                state = moved, longer if longer in prefixes else None, char.isalnum()
                if state not in seen:
                    seen.add(state)
                    following.append((text + char, state))
        if len(seen) > MOST:
            raise TooManyTexts
        layer = following


def _moved(each: Asked, place: int, char: str) -> int:
    """How much of the text of a test the value ends with now: what was contained or began it stays, what did not is lost."""
    text = each.text
    if place in (LOST, len(text)) and each.test is not TextTest.ENDS:
        return place
    if each.test is TextTest.STARTS:
        return place + 1 if text[place] == char else LOST
    tail = text[:place] + char
    return next(size for size in range(min(len(tail), len(text)), -1, -1) if tail.endswith(text[:size]))
