"""One line of block-style YAML: its indentation, dashes, key and value, or the verdict that it needs a whole parser."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Any, NamedTuple

from verifier.readers.scalars import resolve

MAX_LINE = 65536
"""Longer lines are left to the whole parser."""


class NotPlain(Exception):  # noqa: N818  a verdict on the text, not an error
    """The text is not in the plain block style."""


class Kind(IntEnum):
    """What one line is."""

    VALUE = 0  # a scalar, after a key or a dash
    OPEN = 1  # a key whose value, if any, is on the lines below
    EMPTY_MAP = 2
    EMPTY_LIST = 3
    LITERAL = 4  # | or |-
    MORE = 5  # text that can only continue the scalar above
    SPACE = 6  # blank or comment
    DOCUMENT = 7  # ---


class Line(NamedTuple):
    """One line: where it starts, the columns of its dashes, the column and name of its key, and its value.

    `folds` is the value as written where the next line may continue it, else None.
    """

    kind: Kind
    start: int
    dashes: tuple[int, ...]
    column: int
    key: str | None
    value: Any = None
    folds: str | None = None


_UNPRINTABLE = r"\x00-\x1f\x7f"
_PLAIN = rf"(?:[^ :#{_UNPRINTABLE}]++|:(?=\S)|(?<=\S)#| ++(?=[^ #]))*+"
_LINE = re.compile(
    r"(?P<indent> *+)(?P<dashes>(?:- ++)*+)(?:(?P<key>[A-Za-z0-9_./](?:[\w./-]|:(?=\S)){0,200}+):(?: ++|$))?"
    rf"""(?:(?P<plain>(?:[^ \-?:,\[\]{{}}#&*!|>'"%@`{_UNPRINTABLE}]|[-?:](?=\S)){_PLAIN})"""
    rf"|'(?P<single>(?:[^'{_UNPRINTABLE}]++|'')*+)'"
    rf"""|"(?P<double>(?:[^"\\{_UNPRINTABLE}]++|\\["\\nt])*+)\""""
    r"|(?P<empty>\{\}|\[\])|(?P<literal>\|-?+))?"
    rf"(?P<comment> *+(?:(?<= )|^)#[^\x00-\x08\x0a-\x1f\x7f]*+)? *+$",
    re.ASCII,
)
_MORE = re.compile(rf"(?P<indent> ++)(?P<text>(?=[^#]){_PLAIN}) *+$", re.ASCII)
RAW = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*+$")
"""A line that a `|` scalar may hold."""
_DASH = re.compile("-")
_UNUSUAL = "[^\\x00-\x7f\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}


def check_characters(text: str) -> None:
    """NotPlain where a text has characters beyond ASCII that break lines or that YAML does not print."""
    if not text.isascii() and re.search(_UNUSUAL, text):
        raise NotPlain("unusual characters")


def scan(line: str) -> Line:
    """One line on its own, apart from what it means after the lines above."""
    if len(line) > MAX_LINE:
        raise NotPlain(line[:80])
    found = _LINE.match(line)
    if found is None:
        return _scan_more(line)
    indent, dashes, key, plain, single, double, empty, literal, comment = found.groups()
    kind, value, folds = Kind.OPEN, None, None
    if plain is not None:
        kind, value, folds = Kind.VALUE, resolve(plain), None if comment else plain
    elif single is not None:
        kind, value = Kind.VALUE, single.replace("''", "'")
    elif double is not None:
        kind, value = Kind.VALUE, _ESCAPE.sub(_escaped, double)
    elif empty is not None:
        kind = Kind.EMPTY_MAP if empty == "{}" else Kind.EMPTY_LIST
    elif literal is not None:
        kind, value = Kind.LITERAL, literal
    start = len(indent)
    if key is None:
        if not dashes:
            return _scan_bare(line, kind)
        if kind is Kind.OPEN:
            raise NotPlain(line)
    elif type(resolve(key)) is not str:
        raise NotPlain(line)
    if not dashes:
        return Line(kind, start, (), start, key, value, folds)
    columns = tuple(start + place.start() for place in _DASH.finditer(dashes))
    return Line(kind, start, columns, start + len(dashes), key, value, folds)


def _escaped(escape: re.Match[str]) -> str:
    return _ESCAPES[escape[1]]


def _scan_bare(line: str, kind: Kind) -> Line:
    if kind is Kind.OPEN:
        return Line(Kind.SPACE, 0, (), 0, None)
    if line == "---":
        return Line(Kind.DOCUMENT, 0, (), 0, None)
    return _scan_more(line)


def _scan_more(line: str) -> Line:
    found = _MORE.match(line)
    if found is None:
        raise NotPlain(line)
    return Line(Kind.MORE, len(found["indent"]), (), 0, None, found["text"])
