"""Lines of styled words, wrapped with hanging indents, for a terminal or plain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from verifier.reports.report import Style

Segment: TypeAlias = str | tuple[str, str]
"""Text, or text with the name of its role."""

ROLES = {
    "bad": "bold red",
    "good": "bold green",
    "unsure": "bold yellow",
    "strong": "bold",
    "dim": "dim",
    "name": "cyan",
    "code": "blue",
}
NARROWEST = 40


class Page:
    """A text under construction."""

    def __init__(self, style: Style) -> None:
        self._style = style
        self._lines: list[list[tuple[str, str]]] = []

    def line(self, *segments: Segment, hang: int = 0) -> None:
        """A line of prose; what does not fit goes on `hang` columns in."""
        pieces = _pieces(segments)
        self._lines += self._wrapped(pieces, hang)

    def code(self, *segments: Segment, hang: int = 0) -> None:
        """A line that stays whole where it may be searched by a program, and wraps on a terminal only."""
        pieces = _pieces(segments)
        self._lines += self._wrapped(pieces, hang) if self._style.terminal else [pieces]

    def blank(self) -> None:
        """An empty line, never two."""
        if self._lines and self._lines[-1]:
            self._lines.append([])

    def text(self) -> str:
        """Everything so far, ending in a newline."""
        while self._lines and not self._lines[-1]:
            self._lines.pop()
        paint = _Painter() if self._style.colour else _plain
        return "".join("".join(paint(piece, role) for piece, role in line).rstrip() + "\n" for line in self._lines)

    def _wrapped(self, pieces: list[tuple[str, str]], hang: int) -> Iterator[list[tuple[str, str]]]:
        width = self._style.width
        if width is None or sum(len(text) for text, _ in pieces) <= width:
            yield pieces
            return
        width = max(width, NARROWEST, hang + NARROWEST // 2)
        line: list[tuple[str, str]] = []
        column = 0
        for unit in _units(_words(pieces)):
            text = "".join(word for word, _ in unit)
            if column + len(text.rstrip()) > width and column > hang:
                yield line
                line, column = [(" " * hang, "")], hang
                if text.isspace():
                    continue
            line += unit
            column += len(text)
        yield line


def _pieces(segments: Iterable[Segment]) -> list[tuple[str, str]]:
    """Segments with control characters made visible: names from the input never command a terminal."""
    pairs = ((each, "") if isinstance(each, str) else each for each in segments)
    return [(_visible(text), role) for text, role in pairs if text]


def _visible(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _words(pieces: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Words, each with the spaces that follow it; leading spaces are a word of their own."""
    for text, role in pieces:
        start = 0
        while start < len(text):
            end = start
            while end < len(text) and text[end] != " ":
                end += 1
            while end < len(text) and text[end] == " ":
                end += 1
            yield text[start:end], role
            start = end


def _units(words: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """What no space divides, though its parts have roles of their own, stays on one line."""
    unit: list[tuple[str, str]] = []
    for word, role in words:
        unit.append((word, role))
        if word.endswith(" "):
            yield unit
            unit = []
    if unit:
        yield unit


def _plain(text: str, _role: str) -> str:
    return text


class _Painter:
    """Text in the colours of its role."""

    def __init__(self) -> None:
        from rich.color import ColorSystem  # noqa: PLC0415 (a piped report needs no rich)
        from rich.style import Style as RichStyle  # noqa: PLC0415

        self._system = ColorSystem.STANDARD
        self._styles = {role: RichStyle.parse(definition) for role, definition in ROLES.items()}

    def __call__(self, text: str, role: str) -> str:
        style = self._styles.get(role)
        return style.render(text, color_system=self._system) if style else text
