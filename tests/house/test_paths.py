"""What the house's own papers name is there."""

from __future__ import annotations

import re

from tests.corpus_path import ROOT

QUOTED = re.compile(r"`([\w.]+/[\w./]*)`")
TESTS = re.compile(r"\btests/[\w./]+")
ELSEWHERE = "../shared/corpus"


def test_contributing_names_what_exists() -> None:
    """Every path in CONTRIBUTING.md, of the repository or of the package; NAME stands for one that is to be."""
    named = set(QUOTED.findall((ROOT / "CONTRIBUTING.md").read_text("utf-8"))) - {ELSEWHERE}
    assert len(named) > 20
    places = {name: name.partition("NAME")[0] for name in named}
    assert [
        n for n, place in places.items() if not ((ROOT / place).exists() or (ROOT / "verifier" / place).exists())
    ] == []


def test_contributing_names_every_folder_of_tests() -> None:
    """Whoever looks for the home of a test finds it."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/*") if path.suffix in (".py", ".md")}
    folders |= {path.parent.parent.name for path in (ROOT / "tests").glob("*/*/*.py")}
    assert [name for name in sorted(folders) if f"`tests/{name}/`" not in text] == []


def test_make_runs_what_exists() -> None:
    """Every path of tests in the Makefile."""
    named = set(TESTS.findall((ROOT / "Makefile").read_text("utf-8")))
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
