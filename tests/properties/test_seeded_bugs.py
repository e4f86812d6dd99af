"""Every clause notices bugs: some small change of its rules, sets or policies changes what its own cases say.

A bug is a kind of change of tests/mutations. Those that a clause notices are counted for it; which are tried first is a
matter of the clause's number.
"""

from __future__ import annotations

import os
import random
from itertools import count
from pathlib import Path

import pytest

from tests.literate import Section, pages, sections
from tests.meaning import Evidence, Exercises
from tests.mutations import Kind
from tests.mutations.clauses import KINDS, Trial, trials
from tests.pages.posed import JUDGED
from verifier.model.origin import InputError

LONG = os.environ.get("CHAINPROOF_FUZZ") == "long"
WANTED = len(KINDS) if LONG else 2
"""Bugs that are looked for in a clause."""
PLACES = 2
"""Places of a world at which a kind of bug is tried, and sections of a clause; all where those notice nothing."""
SEED = os.environ.get("CHAINPROOF_SEED", "0")


def _by_clause() -> dict[str, list[Section]]:
    found: dict[str, list[Section]] = {}
    for page in pages():
        for section in sections(page):
            if any(block.kind in (*JUDGED, "answer verify", "profile") for block in section.blocks):
                for clause in section.clauses:
                    found.setdefault(clause, []).append(section)
    return found


BY_CLAUSE = _by_clause()


@pytest.mark.parametrize("clause", BY_CLAUSE)
def test_a_clause_notices_bugs(clause: str, tmp_path: Path, exercises: Exercises) -> None:
    """With the bug in its world, a packet of the clause meets another fate, or an answer about it is another."""
    sections_of = BY_CLAUSE[clause]
    found = _noticed(clause, sections_of[:PLACES], PLACES, tmp_path / "few") or _noticed(
        clause, sections_of, 10**6, tmp_path / "all"
    )
    assert found, f"{clause} notices no bug in its own world"
    for kind in found:
        exercises(Evidence.BUG, (clause,), kind)


def _noticed(clause: str, chosen: list[Section], places: int, folder: Path) -> list[str]:
    """The first kinds of bugs that the worlds of some sections notice."""
    choose = random.Random(f"{clause} {SEED}")
    numbers = count()
    worlds = [trial for section in chosen for trial in trials(section, folder / f"world {next(numbers)}")]
    known = [(trial, trial.outcome(trial.files, folder / f"as it is {next(numbers)}")) for trial in worlds]
    found: list[str] = []
    for kind in choose.sample(sorted(KINDS), len(KINDS)):
        if any(_notices(*each, KINDS[kind], choose, places, folder / f"bug {next(numbers)}") for each in known):
            found.append(kind)
        if len(found) == WANTED:
            break
    return found


def _notices(trial: Trial, expected: object, kind: Kind, choose: random.Random, places: int, folder: Path) -> bool:
    """Whether one of some places of this kind changes what becomes of the world's packets."""
    edits = list(kind(trial.files))
    for number, edit in enumerate(choose.sample(edits, min(places, len(edits)))):
        try:
            found = trial.outcome(edit.applied(trial.files), folder / str(number))
        except InputError:
            continue
        if found != expected:
            return True
    return False
