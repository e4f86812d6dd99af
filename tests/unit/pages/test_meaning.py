"""Coverage of meaning counts what ran and passed, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import conftest
from tests.corpus_path import ROOT
from tests.meaning import PROPERTY, Clause, Evidence, Gathered, defined, table

CLAUSES = [Clause("NP-1", "First", "a page"), Clause("NP-2", "Second", "a page")]


def _report(outcome: str, when: str = "call") -> pytest.TestReport:
    said = [(PROPERTY, (Evidence.CASE.value, ("NP-1",), "a case", 1))]
    return pytest.TestReport("test", ("file", 1, "test"), {}, outcome, None, when, user_properties=said)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("outcome", "when", "counted"),
    [("passed", "call", 1), ("passed", "teardown", 0), ("failed", "call", 0), ("skipped", "call", 0)],
)
def test_only_what_passed_counts(outcome: str, when: str, counted: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that fails or is skipped exercises nothing."""
    monkeypatch.setattr(conftest, "GATHERED", Gathered())
    conftest.pytest_runtest_logreport(_report(outcome, when))
    assert conftest.GATHERED.count("NP-1", Evidence.CASE) == counted


def test_a_name_counts_once() -> None:
    """The same section judged twice is one case; packets are added up over sections."""
    gathered = Gathered()
    for _ in range(2):
        gathered.add("cases", ("NP-1", "NP-2"), "a section", 1)
    gathered.add("kernel", ("NP-1",), "a section", 3)
    gathered.add("kernel", ("NP-1",), "another", 4)
    assert [gathered.count("NP-1", evidence) for evidence in Evidence] == [1, 0, 7, 0]
    assert (gathered.kinds("NP-1"), gathered.kinds("NP-2")) == (2, 1)


def test_the_table_names_thin_and_bare_clauses() -> None:
    """One kind of evidence is thin, none is a fault."""
    gathered = Gathered(skipped={"no namespaces here"})
    gathered.add("cases", ("NP-1",), "a section", 1)
    text = table.text(gathered, CLAUSES)
    assert "thin, with one kind of evidence only (1): NP-1" in text
    assert "without any evidence (1): NP-2" in text
    assert "not run: no namespaces here" in text
    assert table.bare(gathered, CLAUSES) == [CLAUSES[1]]
    told = json.loads(table.as_json(gathered, CLAUSES))
    assert [(each["clause"], each["cases"], each["kinds"]) for each in told["clauses"]] == [
        ("NP-1", 1, 1),
        ("NP-2", 0, 0),
    ]


@pytest.mark.parametrize("processes", [0, 2])
def test_a_run_is_kept_and_a_bare_clause_fails(processes: int, tmp_path: Path) -> None:
    """What a run of a few tests exercised is in its file, whoever ran them; clauses that it did not touch make the
    table fail.
    """
    file = tmp_path / "meaning.json"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "tests/test_literate.py",
        "-k",
        "specs/matches/limit.md",
        "-p",
        "no:cacheprovider",
        f"-n{processes}",
    ]
    subprocess.run(
        command, cwd=ROOT, env=os.environ | {"CHAINPROOF_MEANING": str(file)}, check=True, capture_output=True
    )
    assert list(Gathered.read(file).found) == ["LIM-1"]
    shown = subprocess.run(
        [sys.executable, "-m", "tests.meaning", str(file)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert shown.returncode == 1
    assert f"without any evidence ({len(defined()) - 1})" in shown.stdout


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    """The table needs a run."""
    command = [sys.executable, "-m", "tests.meaning", str(tmp_path / "nothing")]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert shown.returncode == 2
    assert "run the tests with CHAINPROOF_MEANING=" in shown.stderr
