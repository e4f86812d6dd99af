"""Text to nested forms: what SMT-LIB is written in, each form with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

from verifier.evidence.checker.refused import SCRIPT, RefusedError

Form: TypeAlias = "str | Group"
"""A word as it is written (quoted names without their bars), or a group."""

TOKEN = re.compile(
    r"(?P<blank>[ \t\r]+|;[^\n]*)|(?P<line>\n)|(?P<open>\()|(?P<close>\))|(?P<quoted>\|[^|\\\n]*\|)"
    r'|(?P<string>"[^"\n]*")|(?P<word>[A-Za-z0-9~!@$%^&*_+=<>.?/:#-]+)|(?P<other>.)'
)
PLAIN = re.compile(r"[A-Za-z~!@$%^&*_+=<>.?/-][A-Za-z0-9~!@$%^&*_+=<>.?/-]*")
SYNTAX = frozenset({"_", "!", "as", "assert", "exists", "false", "forall", "let", "match", "par", "true"})
"""A quoted one of these is never the word of the language."""
DEEPEST = 50_000
"""Groups within groups: more is no script that is meant to be read."""


class Group(list["Form"]):
    """The forms between a pair of parentheses."""

    __slots__ = ("line",)

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line


def forms(text: str) -> Iterator[Group]:
    """The groups at the top of a script, in their order; RefusedError where the text is none."""
    line = 1
    open_groups: list[Group] = []
    for token in TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "blank":
            continue
        if kind == "line":
            line += 1
        elif kind == "open":
            open_groups.append(Group(line))
            if len(open_groups) > DEEPEST:
                raise RefusedError(SCRIPT, line, f"more than {DEEPEST} groups within each other")
        elif not open_groups:
            raise RefusedError(SCRIPT, line, f"{token[0]!r} stands outside any command")
        elif kind == "close":
            group = open_groups.pop()
            if open_groups:
                open_groups[-1].append(group)
            else:
                yield group
        elif kind == "other":
            raise RefusedError(SCRIPT, line, f"the character {token[0]!r} has no meaning here")
        else:
            open_groups[-1].append(_unquoted(token[0]) if kind == "quoted" else token[0])
    if open_groups:
        raise RefusedError(SCRIPT, open_groups[-1].line, "the group that begins here never ends")


def _unquoted(word: str) -> str:
    """A quoted name is the same as the plain one where the latter can be written."""
    inner = word[1:-1]
    return inner if PLAIN.fullmatch(inner) and inner not in SYNTAX else word
