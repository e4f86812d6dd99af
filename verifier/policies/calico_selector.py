"""Calico's language of selectors: text, syntax tree, and the canonical text from which Felix computes names.

Spec: specs/calico_selectors.md
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import TypeAlias

from verifier.model.document import Part

NAMESPACE, SERVICE_ACCOUNT = "projectcalico.org/namespace", "projectcalico.org/serviceaccount"
OF_NAMESPACE, OF_SERVICE_ACCOUNT = "pcns.", "pcsa."
"""How the keys begin under which endpoints carry the labels of their namespace and of their service account."""
DEEPEST = 100
"""How many parentheses may be open at once."""
MOST_KNOWN = 4096
"""How many selectors are remembered: hundreds of policies repeat a few."""


class Comparison(Enum):
    """How a label is compared with one text, as it is written."""

    EQUALS = "=="
    DIFFERS = "!="
    CONTAINS = "contains"
    STARTS = "starts with"
    ENDS = "ends with"


@dataclass(frozen=True, slots=True)
class Compare:
    """One label with one text."""

    key: str
    how: Comparison
    text: str


@dataclass(frozen=True, slots=True)
class OneOf:
    """One label with several texts; they are sorted and single."""

    key: str
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Has:
    """Whether a label exists."""

    key: str


@dataclass(frozen=True, slots=True)
class Everything:
    """`all()`: whatever has labels at all."""


@dataclass(frozen=True, slots=True)
class Global:
    """`global()`: whatever belongs to no namespace."""


@dataclass(frozen=True, slots=True)
class Negation:
    """The opposite of a selector."""

    part: Selector


@dataclass(frozen=True, slots=True)
class Conjunction:
    """Several selectors at once; one in parentheses is a part of its own."""

    parts: tuple[Selector, ...]


@dataclass(frozen=True, slots=True)
class Disjunction:
    """Any of several selectors."""

    parts: tuple[Selector, ...]


Selector: TypeAlias = Compare | OneOf | Has | Everything | Global | Negation | Conjunction | Disjunction


class SelectorError(ValueError):
    """A text that is no selector: `column` counts its characters from 1, `problem` says what stands there instead of what."""

    def __init__(self, column: int, expected: str, found: str) -> None:
        self.column = column
        self.problem = f"column {column}: expected {expected}, found {found}"
        super().__init__(self.problem)


def selector_of(part: Part, key: str) -> Selector | None:
    """The selector in a field of a document, None where there is none; InputError where it is not one.

    `global()` is one only as the whole namespaceSelector of an end of a rule (CSL-10).
    """
    text = part.text(key)
    if not text.strip():
        return None
    try:
        found = parse(text)
    except SelectorError as error:
        remedy = "a selector reads like app == 'web' && has(tier)"
        raise part.fault(key, f"{error.problem}, in {text!r}", remedy) from None
    of_rule = key == "namespaceSelector" and part.name.endswith((".source", ".destination"))
    if _asks_global(found) and not (of_rule and found == Global()):
        problem = "global() cannot be joined with anything" if of_rule else "global() selects namespaces of rules only"
        raise part.fault(key, f"{problem}, in {text!r}", "write namespaceSelector: global() at an end of a rule")
    return found


def _asks_global(selector: Selector) -> bool:
    match selector:
        case Global():
            return True
        case Negation(part):
            return _asks_global(part)
        case Conjunction(parts) | Disjunction(parts):
            return any(map(_asks_global, parts))
        case _:
            return False


@lru_cache(MOST_KNOWN)
def parse(text: str) -> Selector:
    """The syntax tree of a selector; an empty text is `all()`. SelectorError where it is none."""
    return _Parser(text).whole()


_BLANKS = re.compile(r"[ \t]*")
_LABEL = re.compile(r"[a-zA-Z0-9_./-]{1,512}")
_WORD = re.compile(r"[a-zA-Z0-9_./-]+|&&|\|\||.", re.DOTALL)
_FUNCTIONS: dict[str, Selector] = {"all": Everything(), "global": Global()}
_OPERATORS: tuple[tuple[re.Pattern[str], Comparison | bool], ...] = (
    (re.compile("=="), Comparison.EQUALS),
    (re.compile("!="), Comparison.DIFFERS),
    (re.compile("contains"), Comparison.CONTAINS),
    (re.compile(r"starts[ \t]*with"), Comparison.STARTS),
    (re.compile(r"ends[ \t]*with"), Comparison.ENDS),
    (re.compile(r"not[ \t]*in\b"), True),
    (re.compile(r"in\b"), False),
)
_WORDS = "==, !=, in, not in, contains, starts with or ends with"
_CONDITION = "a label, has(LABEL), all(), global(), ! or a parenthesis"


class _Parser:
    """A reader of one text from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._skip()

    def whole(self) -> Selector:
        """The selector that the whole text is."""
        if self._at == len(self._text):
            return Everything()
        found = self._any()
        if self._at < len(self._text):
            raise self._error("&&, || or the end")
        return found

    def _error(self, expected: str) -> SelectorError:
        word = _WORD.match(self._text, self._at)
        return SelectorError(self._at + 1, expected, repr(word.group()[:20]) if word else "the end")

    def _skip(self) -> None:
        match = _BLANKS.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _take(self, word: str) -> bool:
        if not self._text.startswith(word, self._at):
            return False
        self._at += len(word)
        self._skip()
        return True

    def _any(self) -> Selector:
        return self._chain("||", self._every, Disjunction)

    def _every(self) -> Selector:
        return self._chain("&&", self._condition, Conjunction)

    def _chain(self, word: str, part: Callable[[], Selector], node: type[Conjunction] | type[Disjunction]) -> Selector:
        parts = [part()]
        while self._take(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else node(tuple(parts))

    def _condition(self) -> Selector:
        negated = False
        while not self._text.startswith("!=", self._at) and self._take("!"):
            negated = not negated
        found = self._inner() if self._text.startswith("(", self._at) else self._plain()
        return Negation(found) if negated else found

    def _inner(self) -> Selector:
        if self._depth == DEEPEST:
            raise self._error(f"at most {DEEPEST} parentheses within each other")
        self._take("(")
        self._depth += 1
        found = self._any()
        self._depth -= 1
        if not self._take(")"):
            raise self._error("&&, || or a closing parenthesis")
        return found

    def _plain(self) -> Selector:
        label = _LABEL.match(self._text, self._at)
        if label is None:
            raise self._error(_CONDITION)
        name, called = label.group(), self._text.startswith("(", label.end())
        if called and name not in ("has", *_FUNCTIONS):
            raise self._error("has(LABEL), all() or global()")
        self._at = label.end()
        self._skip()
        return self._function(name) if called else self._test(name)

    def _function(self, name: str) -> Selector:
        self._take("(")
        found = _FUNCTIONS[name] if name in _FUNCTIONS else Has(self._label())
        if not self._take(")"):
            raise self._error("a closing parenthesis")
        return found

    def _label(self) -> str:
        label = _LABEL.match(self._text, self._at)
        if label is None:
            raise self._error("a label without quotes")
        self._at = label.end()
        self._skip()
        return label.group()

    def _test(self, key: str) -> Selector:
        for pattern, how in _OPERATORS:
            match = pattern.match(self._text, self._at)
            if match is None:
                continue
            self._at = match.end()
            self._skip()
            return Compare(key, how, self._string()) if isinstance(how, Comparison) else self._set(key, how)
        raise self._error(_WORDS)

    def _string(self) -> str:
        quote = self._text[self._at : self._at + 1]
        if quote not in ("'", '"') or not quote:
            raise self._error("a text in quotes")
        end = self._text.find(quote, self._at + 1)
        if end < 0:
            raise SelectorError(self._at + 1, f"a text that ends with {quote}", "the end")
        found = self._text[self._at + 1 : end]
        self._at = end + 1
        self._skip()
        return found

    def _set(self, key: str, negated: bool) -> Selector:
        """The values in braces; a comma may follow the last one."""
        if not self._take("{"):
            raise self._error("values in braces")
        values: set[str] = set()
        open_ended = True
        while not self._take("}"):
            if not open_ended:
                raise self._error("a comma or a closing brace")
            values.add(self._string())
            open_ended = self._take(",")
        return OneOf(key, tuple(sorted(values, key=str.encode)), negated)


@lru_cache(MOST_KNOWN)
def canonical(selector: Selector) -> str:
    """The text by which Felix knows the selector, from which names of sets are hashed."""
    match selector:
        case Compare(key, how, text):
            return f"{key} {how.value} {_quoted(text)}"
        case OneOf(key, values, negated):
            return f"{key} {'not in' if negated else 'in'} {{{', '.join(map(_quoted, values))}}}"
        case Has(key):
            return f"has({key})"
        case Everything():
            return "all()"
        case Global():
            return "global()"
        case Negation(part):
            return f"!{canonical(part)}"
        case Conjunction(parts):
            return f"({' && '.join(map(canonical, parts))})"
        case Disjunction(parts):
            return f"({' || '.join(map(canonical, parts))})"


def _quoted(text: str) -> str:
    return f"'{text}'" if '"' in text else f'"{text}"'


def of_namespaces(selector: Selector) -> Selector:
    """A selector of namespaces as one of the things in them; `global()` is whatever is in none."""
    return owned(_prefixed(selector, OF_NAMESPACE), NAMESPACE)


def of_service_accounts(selector: Selector) -> Selector:
    """A selector of service accounts as one of the endpoints that run as them; `all()` remains, and asks nothing."""
    return _prefixed(selector, OF_SERVICE_ACCOUNT)


def owned(selector: Selector, key: str) -> Selector:
    """A selector in which `all()` asks for a label and `global()` for none of a namespace, wherever they stand."""
    match selector:
        case Everything():
            return Has(key)
        case Global():
            return Negation(Has(NAMESPACE))
        case _:
            return _rebuilt(selector, lambda part: owned(part, key))


def _prefixed(selector: Selector, prefix: str) -> Selector:
    match selector:
        case Compare(key) | OneOf(key) | Has(key):
            return replace(selector, key=prefix + key)
        case _:
            return _rebuilt(selector, lambda part: _prefixed(part, prefix))


def _rebuilt(selector: Selector, change: Callable[[Selector], Selector]) -> Selector:
    """The selector with its parts changed; itself where it has none."""
    match selector:
        case Negation(part):
            return Negation(change(part))
        case Conjunction(parts):
            return Conjunction(tuple(change(part) for part in parts))
        case Disjunction(parts):
            return Disjunction(tuple(change(part) for part in parts))
        case _:
            return selector
