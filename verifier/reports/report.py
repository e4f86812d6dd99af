"""What a report format is: a name and a way to write each outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from verifier.model.bundle import ExportReport
from verifier.model.counters import CounterReport
from verifier.model.evidence import CheckReport
from verifier.model.finding import VerifyReport
from verifier.model.layer import LayerReport
from verifier.model.replay_report import ReplayReport
from verifier.model.story import ExplainReport, ProfileReport


@dataclass(frozen=True, slots=True)
class Style:
    """The surface that a report is written for.

    `width` is the column to wrap prose at, None for never; on a `terminal` quoted rules wrap as well.
    """

    width: int | None = 120
    terminal: bool = False
    colour: bool = False


Outcome: TypeAlias = (
    VerifyReport
    | ExplainReport
    | CounterReport
    | ReplayReport
    | ProfileReport
    | ExportReport
    | CheckReport
    | LayerReport
)


@dataclass(frozen=True, slots=True)
class Report:
    """A format: its name for `--format`, one sentence, and the function that writes an outcome as text."""

    name: str
    summary: str
    render: Callable[[Outcome, Style], str]
