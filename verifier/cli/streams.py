"""Standard streams that are full, broken or closed: a fault of the place, told once, and never of the program."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

import click


def unwritten(error: OSError | None = None) -> click.ClickException:
    """The error to raise about the standard output; without a cause, it is closed."""
    return click.ClickException(f"cannot write to the standard output: {error.strerror if error else 'it is closed'}")


def silence(stream: TextIO | None) -> None:
    """Send what a stream still holds nowhere: the interpreter, at its end, fails over what it cannot flush."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # type: ignore[union-attr]


def put(text: str = "") -> None:
    """Write this, and what the standard output still holds; click.ClickException where that fails.

    A reader that goes away early has seen what it wanted.
    """
    try:
        if sys.stdout is not None:
            sys.stdout.write(text)
            sys.stdout.flush()
    except BrokenPipeError:
        silence(sys.stdout)
    except OSError as error:
        silence(sys.stdout)
        raise unwritten(error) from error


def tell(message: str) -> None:
    """Print to the standard error; where that fails too, the exit code has to do."""
    try:
        click.echo(message, err=True)
    except OSError:
        silence(sys.stderr)
