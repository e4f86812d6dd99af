"""How an extension's words look in a listing (`iptables -L`), and which options they stand for.

Spec: specs/chains/listing.md
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import TypeAlias

from verifier.model.extension import PLAIN, Option, Quoted

NUMERIC = re.compile(r"[0-9]+(?:[:-][0-9]+)?(?:,[0-9]+(?::[0-9]+)?)*")
Spell: TypeAlias = Callable[["re.Match[str]"], tuple[str, ...]]
BLANK = re.compile(r"\[[^\]]*\]| (?![?*+])")


class Unshown(Exception):  # noqa: N818  nothing is wrong, only not shown
    """A listing prints this in a way from which the rule's own words cannot be told; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of a listing and the options that they stand for.

    `read` makes the options from the match of `pattern`; where the rule's own words cannot be told it raises Unshown.
    """

    pattern: re.Pattern[str]
    read: Callable[[re.Match[str]], tuple[Option, ...]]


@dataclass(frozen=True, slots=True)
class Listed:
    """An extension as it was found in a listing: its options, what they leave open, and where its text ends."""

    options: tuple[Option, ...]
    doubts: tuple[str, ...]
    end: int


@dataclass(frozen=True, slots=True)
class Listing:
    """How one extension is printed: words that always come first, then pieces in any order, each at most once.

    The pieces stand in the order in which iptables-save prints their options. Without `lead`, some piece must be
    there, unless the extension is `silent`: then it may print nothing at all.
    """

    lead: re.Pattern[str] | None
    pieces: tuple[Piece, ...]
    silent: bool = False

    def read(self, text: str, start: int = 0) -> Listed | None:
        """The extension's words at a place of the text, None where it does not begin there."""
        position = start
        if self.lead is not None:
            found = self.lead.match(text, start)
            if found is None:
                return None
            position = found.end()
        options: list[tuple[int, tuple[Option, ...]]] = []
        doubts: list[str] = []
        left = dict(enumerate(self.pieces))
        while (step := _next(left, text, position)) is not None:
            number, match = step
            position = match.end()
            try:
                options.append((number, left.pop(number).read(match)))
            except Unshown as reason:
                doubts.append(str(reason))
        if self.lead is None and not self.silent and len(left) == len(self.pieces):
            return None
        ordered = tuple(option for _, found in sorted(options, key=itemgetter(0)) for option in found)
        return Listed(ordered, tuple(doubts), position)


def _next(pieces: Mapping[int, Piece], text: str, position: int) -> tuple[int, re.Match[str]] | None:
    while text[position : position + 1] == " ":
        position += 1
    for number, piece in pieces.items():
        match = piece.pattern.match(text, position)
        if match is not None:
            return number, match
    return None


def listing(lead: str, *pieces: Piece, silent: bool = False) -> Listing:
    """An extension that prints `lead` (a pattern, "" for none) and then these pieces."""
    return Listing(_compiled(lead) if lead else None, pieces, silent)


def piece(flag: str, pattern: str, spell: Spell | None = None) -> Piece:
    """An option; without `spell`, its arguments are the pattern's groups. A group `no` that is not empty inverts it."""
    arguments = spell or groups

    def read(match: re.Match[str]) -> tuple[Option, ...]:
        return (Option(flag, arguments(match), bool(match.groupdict().get("no"))),)

    return Piece(_compiled(pattern), read)


def several(pattern: str, read: Callable[[re.Match[str]], tuple[Option, ...]]) -> Piece:
    """Words that stand for any number of options."""
    return Piece(_compiled(pattern), read)


def unless(flag: str, pattern: str, default: str) -> Piece:
    """An option that iptables-save leaves out where it has its default."""

    def read(match: re.Match[str]) -> tuple[Option, ...]:
        return () if groups(match) == (default,) else (Option(flag, groups(match)),)

    return Piece(_compiled(pattern), read)


def _compiled(pattern: str) -> re.Pattern[str]:
    """Blanks outside of brackets stand for any number of them; a word ends where a blank or the line does.

    `~` at the end of a pattern waives that: the next piece follows without a blank.
    """
    bare = pattern.removesuffix("~")
    spaced = BLANK.sub(lambda found: " +" if found.group() == " " else found.group(), bare)
    return re.compile(f"(?:{spaced})" if pattern.endswith("~") else rf"(?:{spaced})(?= |$)")


def groups(match: re.Match[str]) -> tuple[str, ...]:
    """The groups that took part, without `no`."""
    inverts = match.re.groupindex.get("no", 0)
    return tuple(text for number, text in enumerate(match.groups(), 1) if number != inverts and text is not None)


def numbers(match: re.Match[str]) -> tuple[str, ...]:
    """Groups that must be numbers, ranges or lists of them: what a name stands for, the machine that printed it knew."""
    for text in groups(match):
        if NUMERIC.fullmatch(text) is None:
            raise Unshown(f"{text!r} is a name where -n would have shown a number")
    return groups(match)


def quoted(match: re.Match[str]) -> tuple[str, ...]:
    """Groups that stood between quotation marks."""
    return tuple(map(Quoted, groups(match)))


def saved(match: re.Match[str]) -> tuple[str, ...]:
    """Groups that iptables-save prints between quotation marks only where they need them."""
    return tuple(text if PLAIN.fullmatch(text) else Quoted(text) for text in groups(match))
