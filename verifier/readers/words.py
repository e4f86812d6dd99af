"""A rule's line as words, the way iptables-restore splits it.

Spec: specs/chains/dump.md
"""

from __future__ import annotations

import re

from verifier.model.extension import Malformed, Quoted

WORD = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"(?=\s|$)|([^\s"]+)(?=\s|$))')
ESCAPE = re.compile(r"\\(.)")


def split_words(text: str) -> list[str]:
    """The words of a line; what stood in double quotes is one word, a Quoted, without its escapes (DU-4)."""
    if '"' not in text:
        return text.split()
    words: list[str] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        found = WORD.match(text, position, end)
        if found is None:
            raise Malformed(f"a quotation mark is missing or misplaced: {text[position:].strip()!r}")
        quoted, plain = found.groups()
        words.append(plain if quoted is None else Quoted(unescape(quoted)))
        position = found.end()
    return words


def unescape(text: str) -> str:
    """The text between quotation marks without its backslashes."""
    return ESCAPE.sub(r"\1", text) if "\\" in text else text
