"""Writes what commands print into the pages that show it; people read the difference in review."""

from __future__ import annotations

from pathlib import Path

from tests.pages.console import Command, matches


def rewrite(page: Path, story: list[Command], results: list[tuple[int, str]]) -> None:
    """Replace every shown output that no longer holds; outputs that still match keep their ellipses."""
    text = page.read_text("utf-8").splitlines()
    for command, (_, output) in reversed(list(zip(story, results, strict=True))):
        if not command.expected or matches(command.expected, output):
            continue
        first = command.line + command.text.count("\n")
        printed = [line.rstrip() for line in output.rstrip().splitlines()]
        text[first : first + len(command.expected)] = printed
    page.write_text("\n".join(text) + "\n", "utf-8")
