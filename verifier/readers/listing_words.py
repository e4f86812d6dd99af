"""The free text at the end of a listed rule: which extensions it can be, in every way in which it can be read.

Spec: specs/chains/listing.md
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from verifier.matches import MATCHES
from verifier.model.extension import Option, Quoted
from verifier.model.listing import Listed, Listing
from verifier.targets import TARGETS

OPENED = re.compile(r"/\*[ ]")
CLOSED = re.compile(r"[ ]\*/(?= |$)")
MOST_READINGS = 64
"""More ways to read one line are not followed; the line is then not understood."""
FREE_TEXT = ("helper", "string", "u32")
"""Matches that print a text of the rule's author between quotation marks, without escapes."""


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension of a listed rule: its options, and what the listing leaves open about it."""

    name: str
    options: tuple[Option, ...]
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the text: matches (comments among them), the target's options, and what is left over."""

    matches: tuple[Extension, ...]
    target: Listed | None
    rest: str = ""

    def tests(self) -> tuple[Extension, ...]:
        """The matches that test something."""
        return tuple(each for each in self.matches if each.name != "comment")


@cache
def listing_of_target(name: str) -> Listing | None:
    """How a target prints its options, None where it is not known; one that does not say so is never understood."""
    if name not in TARGETS:
        return None
    found = getattr(import_module(f"verifier.targets.{name.lower()}"), "LISTED", None)
    return found if isinstance(found, Listing) else Listing(None, ())


@cache
def _matches() -> tuple[tuple[str, Listing], ...]:
    modules = {name: import_module(f"verifier.matches.{name}") for name in MATCHES if name != "comment"}
    return tuple((name, module.LISTED) for name, module in modules.items() if hasattr(module, "LISTED"))


@cache
def _ends(text: str) -> tuple[tuple[Extension, int], ...]:
    """The extensions with which a text can begin, each with where its words end."""
    return tuple(
        (Extension(name, listed.options, listed.doubts), listed.end)
        for name, listing in _matches()
        if (listed := listing.read(text)) is not None
    )


def readings(text: str, target: str) -> tuple[Reading, ...]:
    """Every way to read the whole text, the likeliest first; `target` is the extension of its column, "" for none.

    The empty tuple where there is none, or where there are too many.
    """
    found: list[Reading] = []
    for reading in _read(text.strip(), (), listing_of_target(target)):
        found.append(reading)
        if len(found) > MOST_READINGS:
            return ()
    return tuple(found)


def _read(text: str, before: tuple[Extension, ...], target: Listing | None) -> Iterator[Reading]:
    if not text:
        if target is None or target.silent:
            yield Reading(before, Listed((), (), 0) if target is not None else None)
        return
    if OPENED.match(text):
        for closed in CLOSED.finditer(text, 2):
            comment = Extension("comment", (Option("--comment", (Quoted(text[3 : max(3, closed.start())]),)),))
            yield from _read(text[closed.end() :].lstrip(), (*before, comment), target)
        return
    listed = target.read(text) if target is not None else None
    if listed is not None and not text[listed.end :].strip() and (listed.options or listed.doubts or listed.end):
        yield Reading(before, listed)
    for extension, end in _ends(text):
        yield from _read(text[end:].lstrip(), (*before, extension), target)


def beginning(text: str) -> Reading:
    """As much of a text as can be read from its beginning, comments as short as they can be, with what is left over."""
    text = text.strip()
    matches: list[Extension] = []
    while text:
        if OPENED.match(text):
            closed = CLOSED.search(text, 2)
            if closed is None:
                break
            matches.append(Extension("comment", (Option("--comment", (Quoted(text[3 : closed.start()]),)),)))
            text = text[closed.end() :].lstrip()
            continue
        ends = _ends(text)
        if len(ends) != 1:
            break
        matches.append(ends[0][0])
        text = text[ends[0][1] :].lstrip()
    return Reading(tuple(matches), None, text)
