"""Options of iptables extensions as a rule writes them, and the two ways in which they cannot be used."""

from __future__ import annotations

import re
from dataclasses import dataclass

WHOLE_MARK = 0xFFFFFFFF
PLAIN = re.compile(r"[-_0-9A-Za-z]+")
ESCAPED = re.compile(r"""(["'\\])""")


class Quoted(str):
    """A word that stood in double quotes: never an option, whatever it begins with."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Option:
    """An option under its full name (`--dport`), with its arguments, and whether `!` inverts it."""

    flag: str
    arguments: tuple[str, ...] = ()
    negated: bool = False

    def spelling(self) -> str:
        """The option as it was written, words in quotes where they were."""
        words = (written(word) for word in self.arguments)
        return " ".join(("!", self.flag, *words) if self.negated else (self.flag, *words))


class Malformed(Exception):  # noqa: N818  a fault of the input, not of the program
    """An option that the kernel or its tools refuse; the message says what is wrong with it."""


class Unsupported(Exception):  # noqa: N818  nothing is wrong, only unknown
    """A legal option without a static meaning here; the whole extension becomes opaque."""


def written(word: str) -> str:
    """A word as it was written."""
    return in_quotes(word) if isinstance(word, Quoted) else word


def in_quotes(text: str) -> str:
    """A text in double quotes, with the escapes that iptables-save uses."""
    return '"' + ESCAPED.sub(r"\\\1", text) + '"'


def save_string(text: str) -> str:
    """A text as iptables-save prints it: in quotes unless it is letters, digits, `-` and `_` only."""
    return text if PLAIN.fullmatch(text) else in_quotes(text)


def integer(text: str, last: int = WHOLE_MARK) -> int:
    """A number in C notation (decimal, 0x..., 0...); Malformed where it is none or greater than `last`."""
    try:
        value = int(text, 16) if text[:2] in ("0x", "0X") else int(text, 8 if len(text) > 1 and text[0] == "0" else 10)
    except ValueError:
        raise Malformed(f"{text!r} is not a number") from None
    if not 0 <= value <= last or not text.isalnum() or not text.isascii():
        raise Malformed(f"{text!r} is not a number from 0 to {last}")
    return value


def value_and_mask(text: str) -> tuple[int, int]:
    """`VALUE[/MASK]` of 32 bits; without a mask, all bits."""
    value, slash, mask = text.partition("/")
    return integer(value), integer(mask) if slash else WHOLE_MARK


def spell_value_and_mask(value: int, mask: int) -> str:
    """`VALUE/MASK` as mark matches are printed: without the mask where it has all bits."""
    return hex(value) if mask == WHOLE_MARK else f"{value:#x}/{mask:#x}"


def wording(options: tuple[Option, ...]) -> str:
    """All options of an extension as they were written."""
    return " ".join(option.spelling() for option in options)
