"""Plain YAML scalars: which of them are numbers, truth values or null, and which are text.

The rules are those of YAML 1.1, by which kubectl and the API server read. Dates stay text: Kubernetes has no dates.
"""

from __future__ import annotations

import re
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool | None

_WORDS: dict[str, bool | None] = {
    form: value
    for word, value in (("yes", True), ("no", False), ("true", True), ("false", False), ("on", True), ("off", False), ("null", None))
    for form in (word, word.capitalize(), word.upper())
} | {"~": None, "": None}  # fmt: skip
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0b(?P<binary>[01_]+)|0x(?P<hexadecimal>[0-9a-fA-F_]+)|(?P<octal>0[0-7_]+)|(?P<decimal>0|[1-9][0-9_]*)"
    r"|(?P<sixties>[1-9][0-9_]*(?::[0-5]?[0-9])+))\Z"
)
_FLOAT = re.compile(
    r"(?:(?P<sign>[-+]?)(?:(?P<decimal>[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?)"
    r"|(?P<sixties>[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*)|(?P<infinite>\.(?:inf|Inf|INF)))"
    r"|(?P<fraction>\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?)|(?P<nan>\.(?:nan|NaN|NAN)))\Z"
)
_BASES = {"binary": 2, "hexadecimal": 16, "octal": 8, "decimal": 10}
_NUMERIC_STARTS = frozenset("-+.0123456789")
MAX_DIGITS = 4000
"""Longer numbers are left as text: Python refuses to convert them and no field of Kubernetes holds one."""


def resolve(text: str) -> Scalar:
    """The value of a plain (unquoted) scalar."""
    if text[:1] in _NUMERIC_STARTS:
        return _number(text)
    return _WORDS.get(text, text)


def _number(text: str) -> Scalar:
    if not text or len(text) > MAX_DIGITS:
        return text or None
    found = _INTEGER.match(text)
    if found is not None:
        return _integer(text, found)
    found = _FLOAT.match(text)
    return text if found is None else _float(found)


def _integer(text: str, found: re.Match[str]) -> Scalar:
    sign = -1 if found["sign"] == "-" else 1
    form = str(found.lastgroup)
    digits = found[form].replace("_", "")
    if form == "sixties":
        return sign * _sixties([int(part) for part in digits.split(":")])
    return sign * int(digits, _BASES[form]) if digits else text


def _float(found: re.Match[str]) -> float:
    if found["nan"]:
        return float("nan")
    sign = -1.0 if found["sign"] == "-" else 1.0
    if found["infinite"]:
        return sign * float("inf")
    if found["sixties"]:
        whole, _, last = found["sixties"].replace("_", "").rpartition(":")
        return sign * (60.0 * _sixties([int(part) for part in whole.split(":")]) + float(last))
    return sign * float((found["decimal"] or found["fraction"]).replace("_", ""))


def _sixties(digits: list[int]) -> int:
    value = 0
    for digit in digits:
        value = value * 60 + digit
    return value
