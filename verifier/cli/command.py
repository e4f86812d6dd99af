"""What a command is, and the codes with which every command ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import click

from verifier.model.finding import Answer


class Exit(IntEnum):
    """The exit codes, the same for every command; an interrupted one ends as shells expect."""

    PROVED = 0
    REFUTED = 1
    USAGE = 2
    UNDECIDED = 3
    DISAGREEMENT = 4
    INTERRUPTED = 130


ANSWERED = {Answer.PROVED: Exit.PROVED, Answer.REFUTED: Exit.REFUTED, Answer.UNDECIDED: Exit.UNDECIDED}


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its name and the click command, whose result is an exit code."""

    name: str
    click: click.Command


def seconds(_context: click.Context, _parameter: click.Parameter, value: float | None) -> float | None:
    """Checks the value of an option that takes seconds."""
    if value is not None and not 0 < value < float("inf"):
        raise click.BadParameter("expected a number of seconds above 0")
    return value


def with_output(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options --format and --output, which every command has."""
    command = click.option(
        "--output", "output", metavar="FILE", default="-", help="Write the report to FILE, whole or not at all."
    )(command)
    return click.option(
        "--format",
        "form",
        type=click.Choice(["json", "text"]),
        default="text",
        show_default=True,
        help="Form of the report.",
    )(command)
