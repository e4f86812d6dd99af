"""Conditions on the labels of a pod: terms, each of which asks several keys at once, joined and negated.

The keys of a pod are its labels, those of its namespace and of its service account, and the ports that it gives names to.

Spec: specs/questions/for_all.md (FA-3, FA-4)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
    tests_of,
)

PortKey: TypeAlias = str
"""The name of a port; its values are (protocol, number)."""
Key: TypeAlias = Label | PortKey
Value: TypeAlias = str | tuple[int, int]
Condition: TypeAlias = "int | tuple[str, frozenset[Condition]]"
"""The number of a term; or conditions joined by "&" or "|", or a negated one under "!"."""

ALWAYS: Condition = ("&", frozenset())
NEVER: Condition = ("|", frozenset())
SPACE_NAME = Label(End.SOURCE, Scope.NAMESPACE, NAMESPACE_NAME)
ACCOUNT_NAME = Label(End.SOURCE, Scope.SERVICE_ACCOUNT, SERVICE_ACCOUNT_NAME)


class UnknownConditionError(Exception):
    """A test of labels that has no place here; the text says which."""


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
            names = {test.name for test in tests_of(predicate) if isinstance(test, PortNamed)}
            ports = sorted({each for name in names for each in self.declared.get(name, ())})
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


def about_labels(predicate: Predicate) -> Iterator[Predicate]:
    """The widest parts of a predicate that ask for nothing but labels: by these alone do labels count for it."""
    mine, rest = _divided(predicate)
    if mine not in (TRUE, FALSE):
        yield mine
    for part in rest:
        yield from about_labels(part)


def _divided(predicate: Predicate) -> tuple[Predicate, list[Predicate]]:
    """What of a predicate asks for labels only, and the parts that do not."""
    if only_labels(predicate):
        return predicate, []
    match predicate:
        case All(parts) | AnyOf(parts):
            mine = [part for part in parts if only_labels(part)]
            joined = all_of(*mine) if isinstance(predicate, All) else any_of(*mine)
            return joined, [part for part in parts if not only_labels(part)]
        case Not(part):
            return TRUE, [part]
        case Thing(_, part):
            return part, []
        case _:
            return TRUE, []


def only_labels(predicate: Predicate) -> bool:
    """Whether a predicate asks for nothing but labels."""
    match predicate:
        case LabelIn() | LabelText():
            return True
        case All(parts) | AnyOf(parts):
            return all(only_labels(part) for part in parts)
        case Not(part):
            return only_labels(part)
        case _:
            return False


def terms_of(condition: Condition) -> Iterator[int]:
    """The terms of a condition."""
    if isinstance(condition, int):
        yield condition
    else:
        for part in condition[1]:
            yield from terms_of(part)
