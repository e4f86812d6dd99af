"""Kinds of pods: every combination in which some pod can, or cannot, fulfil each of a number of conditions.

A condition is made of terms; a term asks several keys, each for one of several values. The keys of a pod are its labels,
those of its namespace, and the ports that it gives names to. Kinds are found key by key, of what is left of the terms,
so that their number, not that of the combinations of values, is the work.

Spec: specs/questions/for_all.md (FA-3 to FA-5)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from verifier.model.fields import NAMESPACE_NAME, End, Label, Scope
from verifier.model.predicate import FALSE, TRUE, All, AnyOf, LabelIn, Not, Predicate, all_of, any_of

PortKey: TypeAlias = str
"""The name of a port; its values are (protocol, number)."""
Key: TypeAlias = Label | PortKey
Value: TypeAlias = str | tuple[int, int]
Test: TypeAlias = tuple[Key, frozenset[Value] | None, bool]
"""Key, its values (None: any), and whether they are excluded; an absent key has no value."""
Condition: TypeAlias = "int | tuple[str, frozenset[Condition]]"
"""The number of a term; or conditions joined by "&" or "|", or a negated one under "!"."""

ALWAYS: Condition = ("&", frozenset())
NEVER: Condition = ("|", frozenset())
SPACE_NAME = Label(End.SOURCE, Scope.NAMESPACE, NAMESPACE_NAME)


class TooManyKindsError(Exception):
    """More kinds than are worth telling apart; the text says how many conditions there are."""


class UnknownConditionError(Exception):
    """A test of labels that has no place here; the text says which."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One pod of a kind: the labels that it has, those of its namespace, and the ports that it names."""

    labels: Mapping[str, str]
    space: Mapping[str, str]
    ports: Mapping[str, tuple[int, int]]


@dataclass(slots=True)
class Conditions:
    """All conditions, with equal terms as one."""

    terms: list[frozenset[Test]] = field(default_factory=list)
    _numbers: dict[frozenset[Test], int] = field(default_factory=dict)
    _known: dict[int, tuple[Predicate, Condition]] = field(default_factory=dict)

    def of(self, predicate: Predicate) -> Condition:
        """What a predicate over labels asks, whichever end they are of; UnknownConditionError for anything else."""
        found = self._known.get(id(predicate))
        if found is None:
            found = self._known[id(predicate)] = (predicate, self._of(predicate))
        return found[1]

    def _of(self, predicate: Predicate) -> Condition:
        match predicate:
            case LabelIn(label, values):
                return self.term([(_of_source(label), values, False)])
            case Not(LabelIn(label, values)):
                return self.term([(_of_source(label), values, True)])
            case All(parts):
                return self.every(self.of(part) for part in parts)
            case AnyOf(parts):
                return self.some(self.of(part) for part in parts)
            case Not(part):
                return self.negated(self.of(part))
            case _:
                raise UnknownConditionError(str(predicate))

    def term(self, tests: Iterable[Test]) -> Condition:
        """All of these tests."""
        key = frozenset(tests)
        if key not in self._numbers:
            self._numbers[key] = len(self.terms)
            self.terms.append(key)
        return self._numbers[key]

    def declares(self, name: str, declared: Iterable[tuple[int, int]]) -> Condition:
        """The pod gives a port this name, and it is one of these."""
        return self.term([(name, frozenset(declared), False)])

    def every(self, conditions: Iterable[Condition]) -> Condition:
        """Conjunction; terms become one term."""
        tests: set[Test] = set()
        others: set[Condition] = set()
        for each in conditions:
            if isinstance(each, int):
                tests |= self.terms[each]
            elif each[0] == "&":
                others |= each[1]
            else:
                others.add(each)
        if NEVER in others:
            return NEVER
        for each in [one for one in others if isinstance(one, int)]:
            tests |= self.terms[each]
            others.discard(each)
        if tests:
            others.add(self.term(tests))
        return next(iter(others)) if len(others) == 1 else ("&", frozenset(others))

    def some(self, conditions: Iterable[Condition]) -> Condition:
        """Disjunction."""
        parts: set[Condition] = set()
        for each in conditions:
            if not isinstance(each, int) and each[0] == "|":
                parts |= each[1]
            else:
                parts.add(each)
        if ALWAYS in parts:
            return ALWAYS
        return next(iter(parts)) if len(parts) == 1 else ("|", frozenset(parts))

    def negated(self, condition: Condition) -> Condition:
        """Negation."""
        if condition in (ALWAYS, NEVER):
            return NEVER if condition == ALWAYS else ALWAYS
        return ("!", frozenset([condition]))


def _of_source(label: Label) -> Label:
    return label if label.end is End.SOURCE else Label(End.SOURCE, label.scope, label.key)


def about_labels(predicate: Predicate) -> Iterator[Predicate]:
    """The widest parts of a predicate that ask for nothing but labels: by these alone do labels count for it."""
    mine, rest = _divided(predicate)
    if mine not in (TRUE, FALSE):
        yield mine
    for part in rest:
        yield from about_labels(part)


def _divided(predicate: Predicate) -> tuple[Predicate, list[Predicate]]:
    """What of a predicate asks for labels only, and the parts that do not."""
    if _only_labels(predicate):
        return predicate, []
    match predicate:
        case All(parts) | AnyOf(parts):
            mine = [part for part in parts if _only_labels(part)]
            joined = all_of(*mine) if isinstance(predicate, All) else any_of(*mine)
            return joined, [part for part in parts if not _only_labels(part)]
        case Not(part):
            return TRUE, [part]
        case _:
            return TRUE, []


def _only_labels(predicate: Predicate) -> bool:
    match predicate:
        case LabelIn():
            return True
        case All(parts) | AnyOf(parts):
            return all(_only_labels(part) for part in parts)
        case Not(part):
            return _only_labels(part)
        case _:
            return False


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

    def find(self, conditions: Sequence[Condition]) -> dict[tuple[bool, ...], Kind]:
        """For every combination of answers that some pod gives to the conditions, one such pod; TooManyKindsError."""
        terms = sorted({term for condition in conditions for term in _terms_of(condition)})
        tests = [self._known.terms[term] for term in terms]
        place = {term: 1 << position for position, term in enumerate(terms)}
        keys = sorted({key for term in tests for key, _, _ in term}, key=_order)
        spaces = [key for key in keys if isinstance(key, Label) and key.scope is Scope.NAMESPACE]
        frontier = self._in_known_spaces(tests, spaces)
        elsewhere: dict[int, _Chosen] = {(1 << len(terms)) - 1: None}
        asked: list[Key] = [SPACE_NAME, *spaces]
        for key in dict.fromkeys(asked):
            elsewhere = self._advance(elsewhere, key, tests, len(conditions))
        for left, chosen in elsewhere.items():
            frontier.setdefault(left, chosen)
        for key in keys:
            if key not in spaces:
                frontier = self._advance(frontier, key, tests, len(conditions))
        found: dict[tuple[bool, ...], _Chosen] = {}
        for left, chosen in frontier.items():
            found.setdefault(tuple(_holds(each, left, place) for each in conditions), chosen)
        return {answers: self._kind(chosen) for answers, chosen in found.items()}

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

    def _advance(
        self, frontier: dict[int, _Chosen], key: Key, tests: Sequence[frozenset[Test]], asked: int
    ) -> dict[int, _Chosen]:
        choices: dict[int, Value | None] = {}
        for value in self._values(key, tests):
            choices.setdefault(_fitting(tests, key, value), value)
        out: dict[int, _Chosen] = {}
        for left, chosen in frontier.items():
            for fitting, value in choices.items():
                if left & fitting not in out:
                    out[left & fitting] = chosen if value is None else (chosen, key, value)
        if len(out) > self._surroundings.most:
            raise TooManyKindsError(f"{asked} conditions make more than {self._surroundings.most} kinds of pods")
        return out

    def _values(self, key: Key, tests: Sequence[frozenset[Test]]) -> list[Value | None]:
        """The values that tests may tell apart: those mentioned, one that is not, and none."""
        if isinstance(key, PortKey):
            return [None, *sorted(self._surroundings.declared.get(key, ()))]
        mentioned = {value for term in tests for at, values, _ in term if at == key for value in values or ()}
        known = {value for value in mentioned if isinstance(value, str)}
        if key == SPACE_NAME:
            known -= self._surroundings.spaces.keys()
            taken = known | self._surroundings.spaces.keys()
            return [_unlike(taken), *sorted(known)]
        return [None, *sorted(known), _unlike(known)]

    def _kind(self, chosen: _Chosen) -> Kind:
        labels: dict[str, str] = {}
        space: dict[str, str] = {}
        ports: dict[str, tuple[int, int]] = {}
        while chosen is not None:
            rest, key, value = chosen
            if isinstance(value, tuple):
                assert isinstance(key, PortKey)
                ports[key] = value
            else:
                assert isinstance(key, Label)
                (labels if key.scope is Scope.POD else space)[key.key] = value
            chosen = rest
        known = self._surroundings.spaces.get(space[NAMESPACE_NAME])
        return Kind(labels, space if known is None else known, ports)


def _terms_of(condition: Condition) -> Iterator[int]:
    if isinstance(condition, int):
        yield condition
    else:
        for part in condition[1]:
            yield from _terms_of(part)


def _fitting(tests: Sequence[frozenset[Test]], key: Key, value: Value | None) -> int:
    """The terms that a value of a key leaves open."""
    fitting = 0
    for position, term in enumerate(tests):
        if all(_passes(test, value) for test in term if test[0] == key):
            fitting |= 1 << position
    return fitting


def _passes(test: Test, value: Value | None) -> bool:
    _, values, excluded = test
    return excluded != (value is not None and (values is None or value in values))


def _holds(condition: Condition, left: int, place: Mapping[int, int]) -> bool:
    if isinstance(condition, int):
        return bool(left & place[condition])
    joint, parts = condition
    if joint == "&":
        return all(_holds(part, left, place) for part in parts)
    if joint == "|":
        return any(_holds(part, left, place) for part in parts)
    return not any(_holds(part, left, place) for part in parts)


def _order(key: Key) -> tuple[int, str]:
    if isinstance(key, PortKey):
        return 2, key
    return (0 if key.scope is Scope.NAMESPACE else 1), key.key


def _unlike(known: Iterable[str]) -> str:
    """A value that is none of these."""
    taken = set(known)
    return next(text for number in range(len(taken) + 1) if (text := f"other{number or ''}") not in taken)
