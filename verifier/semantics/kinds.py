"""Kinds of pods: every combination in which some pod can, or cannot, fulfil each of a number of conditions.

A condition is made of terms; a term asks several keys, each for one of several values. The keys of a pod are its labels,
those of its namespace, and the ports that it gives names to. Kinds are found key by key, of what is left of the terms,
so that their number, not that of the combinations of values, is the work.

Spec: specs/questions/for_all.md (FA-3 to FA-5)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from verifier.model.fields import NAMESPACE_NAME, SERVICE_ACCOUNT_NAME, End, Label, Scope
from verifier.model.predicate import (
    FALSE,
    TRUE,
    All,
    AnyOf,
    LabelIn,
    LabelText,
    Not,
    PortNamed,
    Predicate,
    TextTest,
    Thing,
    all_of,
    any_of,
)

PortKey: TypeAlias = str
"""The name of a port; its values are (protocol, number)."""
Key: TypeAlias = Label | PortKey
Value: TypeAlias = str | tuple[int, int]
Condition: TypeAlias = "int | tuple[str, frozenset[Condition]]"
"""The number of a term; or conditions joined by "&" or "|", or a negated one under "!"."""

ALWAYS: Condition = ("&", frozenset())
NEVER: Condition = ("|", frozenset())
DEFAULT_ACCOUNT = "default"
SPACE_NAME = Label(End.SOURCE, Scope.NAMESPACE, NAMESPACE_NAME)
ACCOUNT_NAME = Label(End.SOURCE, Scope.SERVICE_ACCOUNT, SERVICE_ACCOUNT_NAME)
NEVER_ABSENT = (SPACE_NAME, ACCOUNT_NAME)
SCOPES = (Scope.NAMESPACE, Scope.SERVICE_ACCOUNT, Scope.POD)
SPARE = "xyzqwvujkabcdefghilmnoprst0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""What values that no one mentions are made of, as labels are."""


@dataclass(frozen=True, slots=True)
class Test:
    """A key has one of some values (None: any) that, where there is a `text`, passes its test; or has not, `excluded`."""

    key: Key
    values: frozenset[Value] | None
    excluded: bool = False
    text: tuple[TextTest, str] | None = None

    def passes(self, value: Value | None) -> bool:
        """Whether a value of the key passes, None where it is absent."""
        return self.excluded != self._fits(value)

    def _fits(self, value: Value | None) -> bool:
        if value is None or (self.values is not None and value not in self.values):
            return False
        return self.text is None or self.text[0].holds(str(value), self.text[1])


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
    account: str = DEFAULT_ACCOUNT


@dataclass(slots=True)
class Conditions:
    """All conditions, with equal terms as one; `declared` has what each name of a port stands for in some pod."""

    declared: Mapping[str, frozenset[tuple[int, int]]] = field(default_factory=dict)
    terms: list[frozenset[Test]] = field(default_factory=list)
    _numbers: dict[frozenset[Test], int] = field(default_factory=dict)
    _known: dict[int, tuple[Predicate, tuple[Condition, ...]]] = field(default_factory=dict)

    def of(self, predicate: Predicate) -> Condition:
        """What a predicate over labels asks of a pod, whichever end; UnknownConditionError where it asks anything else."""
        return self.at_ports(predicate)[0]

    def at_ports(self, predicate: Predicate) -> tuple[Condition, ...]:
        """The same where the names of ports count too: for each port of a packet that some name stands for."""
        found = self._known.get(id(predicate))
        if found is None:
            ports = sorted({each for name in _names_in(predicate) for each in self.declared.get(name, ())})
            made = tuple(self._of(predicate, port) for port in ports) or (self._of(predicate, None),)
            found = self._known[id(predicate)] = (predicate, made)
        return found[1]

    def _of(self, predicate: Predicate, port: tuple[int, int] | None) -> Condition:
        match predicate:
            case LabelIn() | LabelText():
                return self.term([_test(predicate)])
            case Not(LabelIn() | LabelText() as part):
                return self.term([replace(_test(part), excluded=True)])
            case Thing(_, part):
                return self._of(part, port)
            case PortNamed(protocol, name, _):
                return self.declares(name, [port]) if port is not None and port[0] == protocol else NEVER
            case All(parts):
                return self.every(self._of(part, port) for part in parts)
            case AnyOf(parts):
                return self.some(self._of(part, port) for part in parts)
            case Not(part):
                return self.negated(self._of(part, port))
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
        return self.term([Test(name, frozenset(declared))])

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


def _test(predicate: LabelIn | LabelText) -> Test:
    label = predicate.label
    if label.scope is Scope.SERVICE_ACCOUNT and label.key != SERVICE_ACCOUNT_NAME:
        raise UnknownConditionError(f"a policy asks for label {label.key} of service accounts")
    key = label if label.end is End.SOURCE else Label(End.SOURCE, label.scope, label.key)
    if isinstance(predicate, LabelText):
        return Test(key, None, text=(predicate.test, predicate.text))
    return Test(key, predicate.values)


def _names_in(predicate: Predicate) -> Iterator[str]:
    match predicate:
        case PortNamed(_, name, _):
            yield name
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from _names_in(part)
        case Not(part) | Thing(_, part):
            yield from _names_in(part)
        case _:
            return


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
        case Thing(_, part):
            return part, []
        case _:
            return TRUE, []


def _only_labels(predicate: Predicate) -> bool:
    match predicate:
        case LabelIn() | LabelText():
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
        keys = sorted({test.key for term in tests for test in term}, key=_order)
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
        if all(test.passes(value) for test in term if test.key == key):
            fitting |= 1 << position
    return fitting


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
