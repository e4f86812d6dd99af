"""Progress on a terminal's standard error; nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from verifier.model.options import Progress, silent


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """A callback that draws a bar while the block runs."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console  # noqa: PLC0415 (not needed in a pipe)
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415
    from rich.progress import Progress as Bars  # noqa: PLC0415

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=None)

        def draw(text: str, done: int, total: int) -> None:
            bars.update(task, description=text, completed=done, total=total or None)

        yield draw
