"""Where a report goes: the standard output or a file that is written whole or not at all."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import click

from verifier.cli.streams import put, unwritten
from verifier.reports import report
from verifier.reports.report import Outcome, Style

PIPED_WIDTH = 120
WIDEST = 160


def write(outcome: Outcome, form: str, output: str) -> None:
    """Render and write; click.ClickException where the file or the standard output cannot be written."""
    if output == "-":
        _to_stdout(report(form).render(outcome, _style()))
        return
    _to_file(report(form).render(outcome, Style(PIPED_WIDTH)), Path(output).resolve())


def check_writable(output: str) -> None:
    """Fail before the work rather than after it; click.UsageError where the file could not be written."""
    if output == "-":
        return
    path = Path(output)
    if path.is_dir():
        raise click.UsageError(f"--output {output}: is a directory")
    folder = path.parent
    if not folder.is_dir():
        raise click.UsageError(f"--output {output}: there is no directory {folder}")
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise click.UsageError(f"--output {output}: not writable")


def _style() -> Style:
    if sys.stdout is None or not sys.stdout.isatty():
        return Style(PIPED_WIDTH)
    colour = "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return Style(min(shutil.get_terminal_size().columns, WIDEST), terminal=True, colour=colour)


def _to_stdout(text: str) -> None:
    if sys.stdout is None:
        raise unwritten()
    encoding = sys.stdout.encoding or "utf-8"
    put(text.encode(encoding, "backslashreplace").decode(encoding))


def _to_file(text: str, path: Path) -> None:
    if path.exists() and not path.is_file():  # a pipe or a device takes the text as it comes
        _to_special(text, path)
        return
    name = ""
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as temporary:
            name = temporary.name
            temporary.write(text)
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except OSError as error:
        if name:
            Path(name).unlink(missing_ok=True)
        raise click.UsageError(f"--output {path}: {error.strerror}") from error


def _to_special(text: str, path: Path) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"--output {path}: {error.strerror}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
