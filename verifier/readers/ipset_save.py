"""`ipset save`: sets with their members, equal contents only once.

Spec: specs/chains/sets.md
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from verifier.model.extension import Malformed
from verifier.model.ipset import IpSet, Part, SetContent, SetMember
from verifier.model.origin import InputError, Origin
from verifier.readers.ipset_member import read_member
from verifier.readers.ipset_types import SetShape, read_shape

SAVE_AGAIN = "save the sets again with `ipset save`, without cutting the output"
LONGEST_NAME = 31
SEED = re.compile(r" initval 0x[0-9a-f]+")
"""The one option that differs between sets that are otherwise alike; it changes only the kernel's order."""


@dataclass(slots=True)
class Head:
    """A `create` line; `members` are the texts that were added, as they stand in the dump."""

    name: str
    shape: SetShape
    options: str
    origin: Origin
    members: list[str]


def read_sets(text: str, path: str) -> dict[str, IpSet]:
    """The sets of a node by name.

    `path` is how the user would call the file. Sets with equal type and members share one content; a member's text is
    read once however often it comes. Raises InputError with the line for anything that is not a dump (SET-13).
    """
    if "\r" in text:
        text = text.replace("\r", "")
    if not text.startswith("create ") and "\ncreate " not in text:
        text = "\n".join(map(_modern, text.split("\n")))
    contents = Contents(text, path)
    return {
        head.name: IpSet(head.name, head.shape.family, contents.of(head), head.origin, head.options)
        for head in _heads(text, path)
    }


def _modern(line: str) -> str:
    """A line of an earlier release in today's words."""
    for old, new in (("-N ", "create "), ("-A ", "add ")):
        if line.startswith(old):
            return new + line[len(old) :]
    return line


def _heads(text: str, path: str) -> list[Head]:
    """Every set with what was added to it, wherever in the dump."""
    heads: dict[str, Head] = {}
    before, *blocks = ("\n" + text).split("\ncreate ")
    _add_lines(before[1:].split("\n"), 1, path, heads)
    line = before.count("\n") + 1 if before else 1
    if blocks:
        blocks[-1] = blocks[-1].rstrip("\n")
    for block in blocks:
        name = block.split(None, 1)[0] if block.strip() else ""
        first, *members = block.split(f"\nadd {name} ")
        lines = block.count("\n")
        head = _head(first.split("\n", 1)[0], Origin(path, line))
        if head.name in heads:
            raise InputError(head.origin, f"set {head.name} is created twice", SAVE_AGAIN)
        heads[head.name] = head
        if len(members) == lines:
            head.members = members
        else:
            _add_lines(block.split("\n")[1:], line + 1, path, heads)
        line += 1 + lines
    return list(heads.values())


def _head(text: str, origin: Origin) -> Head:
    name, _, options = text.strip().partition(" ")
    if not name or not options.strip() or len(name) > LONGEST_NAME:
        raise InputError(origin, "this line creates no set (`create NAME TYPE ...`)", SAVE_AGAIN)
    try:
        shape = _shape(SEED.sub("", options))
    except Malformed as fault:
        raise InputError(origin, f"set {name}: {fault}", "correct the line; ipset itself refuses it") from None
    return Head(name, shape, options.strip(), origin, [])


@lru_cache(maxsize=256)
def _shape(text: str) -> SetShape:
    kind, *words = text.split()
    return read_shape(kind, words)


def _add_lines(lines: list[str], number: int, path: str, heads: dict[str, Head]) -> None:
    """Lines that are not simply the members of the set created last, one by one."""
    for offset, line in enumerate(lines):
        words = line.split(None, 2)
        if not words or words[0].startswith("#") or line.strip() == "COMMIT":
            continue
        origin = Origin(path, number + offset)
        if words[0] != "add" or len(words) < 3:
            shown = line if len(line) <= 60 else line[:57] + "..."
            raise InputError(origin, f"{shown!r} is no line of an ipset dump", SAVE_AGAIN)
        if words[1] not in heads:
            raise InputError(origin, f"set {words[1]} gets a member before it is created", SAVE_AGAIN)
        heads[words[1]].members.append(words[2])


@dataclass(slots=True)
class Known:
    """Members of one shape by their text: those that are one certain entry, and the others."""

    plain: dict[str, SetMember] = field(default_factory=dict)
    odd: dict[str, tuple[tuple[SetMember, ...], str]] = field(default_factory=dict)


class Contents:
    """Contents and members that were met already."""

    def __init__(self, text: str, path: str) -> None:
        self._text = text
        self._path = path
        self._contents: dict[tuple[SetShape, object], SetContent] = {}
        self._known: dict[SetShape, Known] = {}

    def of(self, head: Head) -> SetContent:
        """The content of a set."""
        texts = frozenset(head.members)
        # A list of sets is asked in order; any other set holds its members in none.
        key = (head.shape, tuple(head.members) if head.shape.kind == "list:set" else texts)
        content = self._contents.get(key)
        if content is None:
            content = self._contents[key] = self._read(head, texts)
        return content

    def _read(self, head: Head, texts: frozenset[str]) -> SetContent:
        shape = head.shape
        if shape.opaque:
            return SetContent(shape.kind, max(1, len(shape.dimensions)), (), (), shape.opaque)
        known = self._known.get(shape)
        if known is None:
            known = self._known[shape] = Known()
        missing = texts.difference(known.plain)
        if missing:
            self._learn([text for text in head.members if text in missing], known, head)
        if known.odd.keys().isdisjoint(texts):
            members, opaque = tuple(map(known.plain.__getitem__, head.members)), ""
        else:
            members, opaque = _with_odd(head.members, known)
        if any(member.nomatch for member in members):
            self._consistent(head, known)
        if shape.kind == "list:set":
            return SetContent(shape.kind, 1, (), tuple(member.text for member in members), opaque)
        return SetContent(shape.kind, len(shape.dimensions), members, (), opaque)

    def _learn(self, texts: list[str], known: Known, head: Head) -> None:
        for text in texts:
            if text in known.odd:
                continue
            try:
                members, opaque = read_member(text, head.shape)
            except Malformed as fault:
                origin = Origin(self._path, self._line(f"add {head.name} {text}"))
                problem = f"set {head.name}: {fault}"
                raise InputError(origin, problem, "correct the line; ipset itself refuses it") from None
            if len(members) == 1 and not opaque:
                known.plain[text] = members[0]
            else:
                known.odd[text] = members, opaque

    def _consistent(self, head: Head, known: Known) -> None:
        """An entry is in a set once, plain or marked nomatch (SET-5)."""
        flags: dict[tuple[Part, ...], bool] = {}
        for text in head.members:
            for member in (known.plain[text],) if text in known.plain else known.odd[text][0]:
                if flags.setdefault(member.parts, member.nomatch) is not member.nomatch:
                    origin = Origin(self._path, self._line(f"add {head.name} {text}"))
                    problem = f"set {head.name} has {text.split()[0]} both plain and marked nomatch"
                    raise InputError(origin, problem, "remove one of the two; ipset itself refuses the second")

    def _line(self, wanted: str) -> int:
        """The line on which a member is added."""
        words = wanted.split()
        return next(number for number, line in enumerate(self._text.split("\n"), 1) if line.split() == words)


def _with_odd(texts: list[str], known: Known) -> tuple[tuple[SetMember, ...], str]:
    """Members some of which are several entries, or uncertain for the reason returned."""
    members: list[SetMember] = []
    opaque = ""
    for text in texts:
        found, why = known.odd.get(text) or ((known.plain[text],), "")
        members += found
        opaque = opaque or why
    return tuple(members), opaque
