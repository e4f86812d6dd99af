"""Property tests take the time they need, and the same examples in every run unless a long search is asked for.

What tests exercise is gathered where CHAINPROOF_MEANING names a file for it (tests/meaning). Where several processes
share the work (`-n`), they report to the first, which alone gathers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import settings

from tests.literate import Section, sections
from tests.meaning import PROPERTY, UNARRANGED, Evidence, Exercises, Gathered, broken

settings.register_profile("chainproof", deadline=None, derandomize=os.environ.get("CHAINPROOF_FUZZ") != "long")
settings.load_profile("chainproof")

GATHERED = Gathered()
RUNNER = "test_literate.py"
"""Whose tests are about one section each."""


@pytest.fixture
def exercises(record_property: Callable[[str, object], None]) -> Exercises:
    """Says that the running test exercises clauses; it counts once the test has passed."""

    def record(evidence: Evidence, clauses: Iterable[str], name: str, count: int = 1) -> None:
        record_property(PROPERTY, (evidence.value, tuple(clauses), name, count))

    return record


def pytest_runtest_setup(item: pytest.Item) -> None:
    """An executable section exercises its clauses by being run, a story those of its page, and the page of a bug those
    that it breaks; a law exercises those of its marker.
    """
    for section in _told(item):
        item.user_properties.append((PROPERTY, (Evidence.CASE.value, section.clauses, section.name, 1)))
        item.user_properties.append((PROPERTY, (Evidence.BUG.value, broken(section), f"page {section.page.stem}", 1)))
    for marker in item.iter_markers(PROPERTY):
        name = f"{item.location[0]}:{getattr(item, 'originalname', item.name)}"
        item.user_properties.append((PROPERTY, (Evidence.LAW.value, marker.args, name, 1)))


def _told(item: pytest.Item) -> list[Section]:
    """The sections that a test of the runner is about: one, or all of a page that have commands."""
    given = item.callspec.params if item.path.name == RUNNER and hasattr(item, "callspec") else {}
    if isinstance(section := given.get("section"), Section):
        return [section]
    page = given.get("page")
    found = sections(page) if isinstance(page, Path) else []
    return [section for section in found if any(block.kind == "console" for block in section.blocks)]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Only what passed is evidence."""
    for name, value in report.user_properties if report.passed and report.when == "call" else ():
        if name == PROPERTY and isinstance(value, tuple):
            GATHERED.add(*value)
        if name == UNARRANGED and isinstance(value, tuple):
            GATHERED.unarranged.update(dict(value))
    if report.skipped and isinstance(report.longrepr, tuple):
        GATHERED.skipped.add(str(report.longrepr[2]).removeprefix("Skipped: "))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep what was gathered."""
    file = os.environ.get("CHAINPROOF_MEANING")
    if file and not hasattr(session.config, "workerinput"):
        GATHERED.write(Path(file))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why tests were skipped, each kind of reason once: where the kernel cannot be asked, a run is not the whole run."""
    kinds: dict[str, list[str]] = {}
    for reason in sorted(GATHERED.skipped):
        kinds.setdefault(reason.partition(":")[0], []).append(reason)
    for reasons in kinds.values():
        others = f" and {len(reasons) - 1} like it" if len(reasons) > 1 else ""
        terminalreporter.write_line(f"skipped: {reasons[0]}{others}")
