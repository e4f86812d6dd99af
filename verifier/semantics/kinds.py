"""Kinds of pods: every combination in which some pod can, or cannot, fulfil each of a number of conditions.

Kinds are found key by key, of what is left of the terms, so that their number, not that of the combinations of values,
is the work.

Spec: specs/questions/for_all.md (FA-3 to FA-5)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from verifier.model.fields import NAMESPACE_NAME, Label, Scope
from verifier.model.predicate import TextTest
from verifier.semantics.conditions import (
    ACCOUNT_NAME,
    SPACE_NAME,
    Condition,
    Conditions,
    Key,
    PortKey,
    Test,
    Value,
    terms_of,
)

DEFAULT_ACCOUNT = "default"
NEVER_ABSENT = (SPACE_NAME, ACCOUNT_NAME)
SCOPES = (Scope.NAMESPACE, Scope.SERVICE_ACCOUNT, Scope.POD)
SPARE = "xyzqwvujkabcdefghilmnoprst0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""What values that no one mentions are made of, as labels are."""


class TooManyKindsError(Exception):
    """More kinds than are worth telling apart; the text says how many conditions there are."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One pod of a kind: the labels that it has, those of its namespace, and the ports that it names."""

    labels: Mapping[str, str]
    space: Mapping[str, str]
    ports: Mapping[str, tuple[int, int]]
    account: str = DEFAULT_ACCOUNT


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a pod may be: in one of `spaces` (their labels, by name) or in any other namespace; with ports that are `declared`."""

    spaces: Mapping[str, Mapping[str, str]]
    declared: Mapping[str, frozenset[tuple[int, int]]]
    most: int


_Chosen: TypeAlias = "tuple[_Chosen, Key, Value] | None"
"""The values chosen so far, the last one first."""


class KindFinder:
    """The kinds of pods that some conditions tell apart."""

    def __init__(self, known: Conditions, surroundings: Surroundings) -> None:
        self._known = known
        self._surroundings = surroundings

    def find(self, conditions: Iterable[Condition]) -> list[Kind]:
        """Pods of which some gives every combination of answers to the conditions that any pod gives; TooManyKindsError."""
        terms = sorted({term for condition in conditions for term in terms_of(condition)})
        tests = [self._known.terms[term] for term in terms]
        keys = sorted({test.key for term in tests for test in term}, key=_order)
        spaces = [key for key in keys if isinstance(key, Label) and key.scope is Scope.NAMESPACE]
        frontier = self._in_known_spaces(tests, spaces)
        elsewhere: dict[int, _Chosen] = {(1 << len(terms)) - 1: None}
        asked: list[Key] = [SPACE_NAME, *spaces]
        for key in dict.fromkeys(asked):
            elsewhere = self._advance(elsewhere, key, tests)
        for left, chosen in elsewhere.items():
            frontier.setdefault(left, chosen)
        for key in keys:
            if key not in spaces:
                frontier = self._advance(frontier, key, tests)
        return [self._kind(chosen) for chosen in frontier.values()]

    def _in_known_spaces(self, tests: Sequence[frozenset[Test]], spaces: Sequence[Key]) -> dict[int, _Chosen]:
        """What is left of the terms in each of the namespaces whose labels are known."""
        frontier: dict[int, _Chosen] = {}
        for name, labels in self._surroundings.spaces.items():
            left = (1 << len(tests)) - 1
            for key in spaces:
                assert isinstance(key, Label)
                left &= _fitting(tests, key, labels.get(key.key))
            frontier.setdefault(left, (None, SPACE_NAME, name))
        return frontier

    def _advance(self, frontier: dict[int, _Chosen], key: Key, tests: Sequence[frozenset[Test]]) -> dict[int, _Chosen]:
        asking = [(1 << place, [test for test in term if test.key == key]) for place, term in enumerate(tests)]
        asking = [each for each in asking if each[1]]
        asked = sum(bit for bit, _ in asking)
        choices: dict[int, Value | None] = {}
        for value in self._values(key, tests):
            fitting = sum(bit for bit, mine in asking if all(test.passes(value) for test in mine))
            choices.setdefault(fitting, value)
        out: dict[int, _Chosen] = {}
        for left, chosen in frontier.items():
            kept = left & ~asked
            for fitting, value in choices.items():
                now = kept | left & fitting
                if now not in out:
                    out[now] = chosen if value is None else (chosen, key, value)
        if len(out) > self._surroundings.most:
            raise TooManyKindsError(f"{len(tests)} conditions make more than {self._surroundings.most} kinds of pods")
        return out

    def _values(self, key: Key, tests: Sequence[frozenset[Test]]) -> list[Value | None]:
        """The values that tests may tell apart: those mentioned, one that is not, and none."""
        if isinstance(key, PortKey):
            return [None, *sorted(self._surroundings.declared.get(key, ()))]
        asking = [test for term in tests for test in term if test.key == key]
        known = {value for test in asking for value in test.values or () if isinstance(value, str)}
        texts = [test.text for test in asking if test.text is not None]
        values = known | set(_texts(texts, known, self._surroundings.most))
        if key == SPACE_NAME:
            taken = self._surroundings.spaces.keys()
            return [*sorted(values - taken), _unlike(values | taken, texts)]
        absent: list[Value | None] = [] if key in NEVER_ABSENT else [None]
        return [*absent, *sorted(values), _unlike(values, texts)]

    def _kind(self, chosen: _Chosen) -> Kind:
        labels: dict[str, str] = {}
        space: dict[str, str] = {}
        ports: dict[str, tuple[int, int]] = {}
        account = DEFAULT_ACCOUNT
        while chosen is not None:
            rest, key, value = chosen
            if isinstance(value, tuple):
                assert isinstance(key, PortKey)
                ports[key] = value
            else:
                assert isinstance(key, Label)
                if key == ACCOUNT_NAME:
                    account = value
                else:
                    (labels if key.scope is Scope.POD else space)[key.key] = value
            chosen = rest
        known = self._surroundings.spaces.get(space[NAMESPACE_NAME])
        return Kind(labels, space if known is None else known, ports, account)


def _fitting(tests: Sequence[frozenset[Test]], key: Key, value: Value | None) -> int:
    """The terms that a value of a key leaves open."""
    fitting = 0
    for position, term in enumerate(tests):
        if all(test.passes(value) for test in term if test.key == key):
            fitting |= 1 << position
    return fitting


def _order(key: Key) -> tuple[int, str]:
    if isinstance(key, PortKey):
        return 3, key
    return SCOPES.index(key.scope), key.key


def _unlike(known: Iterable[str], texts: Iterable[tuple[TextTest, str]]) -> str:
    """A value that is none of these and passes no test of a text, not even one for the empty text's sake."""
    taken, asked = set(known), [text for _, text in texts if text]
    free = _neutral(asked)
    return next(text for number in range(1, len(taken) + 2) if (text := free * number) not in taken)


def _texts(texts: Sequence[tuple[TextTest, str]], known: Iterable[str], most: int) -> Iterator[str]:
    """A value for every combination of tests of texts that some value passes (FA-3).

    Of the beginnings that a value has, the longest has all the others, and so with its ends: a value made of one of each
    and of what it contains, kept apart by what no text has, passes the same tests.
    """
    if not texts:
        return
    of = {test: sorted({text for each, text in texts if each is test}) for test in TextTest}
    inner = of[TextTest.CONTAINS]
    if (len(of[TextTest.STARTS]) + 1) * (len(of[TextTest.ENDS]) + 1) << len(inner) > most:
        raise TooManyKindsError(f"{len(texts)} tests of the text of one label make more than {most} kinds of pods")
    apart = _neutral([text for _, text in texts] + list(known))
    for begin in ("", *of[TextTest.STARTS]):
        for end in ("", *of[TextTest.ENDS]):
            for chosen in range(1 << len(inner)):
                parts = [text for place, text in enumerate(inner) if chosen >> place & 1]
                yield apart.join([begin, *parts, end])


def _neutral(texts: Iterable[str]) -> str:
    """A character that is in none of these texts."""
    used = set("".join(texts))
    return next(char for number in range(len(used) + 1) if (char := _spare(number)) not in used)


def _spare(number: int) -> str:
    return SPARE[number] if number < len(SPARE) else chr(0x100 + number)
