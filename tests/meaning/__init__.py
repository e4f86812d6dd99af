"""Coverage of meaning: which clauses of specs/ the tests of one run exercised, by kind of evidence.

A test says what it exercises while it runs (the fixture `exercises`), or by a marker where it draws its own inputs
(`@pytest.mark.exercises("CH-1")`); what it says counts once it has passed. Which clauses cases, packets and most laws
and bugs are about follows from where they stand; where it is cited, the clause must exist. With CHAINPROOF_MEANING=FILE
the run writes what it gathered to FILE; `python -m tests.meaning FILE` prints it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from tests.literate import CLAUSE, ROOT, Section, pages, sections

PROPERTY = "exercises"
"""The name of the property under which a test's report carries what it exercised."""
UNARRANGED = "unarranged"
"""The name of the property that says which packets the kernel could not be given: pairs of a reason and a number."""


class Evidence(Enum):
    """A kind of evidence that a clause says what is so."""

    CASE = "cases"
    LAW = "laws"
    KERNEL = "kernel"
    BUG = "bugs"

    @property
    def meaning(self) -> str:
        """What one of these is."""
        return MEANINGS[self]


MEANINGS = {
    Evidence.CASE: "sections below the clause's heading whose blocks were executed",
    Evidence.LAW: "property tests: laws that held for drawn or enumerated packets, rules or worlds that the clause is about",
    Evidence.KERNEL: "packets in the worlds of the clause that a real kernel treated as we say it does",
    Evidence.BUG: "seeded bugs that change what the clause's own cases say, or break the clause elsewhere, and were found",
}


class Exercises(Protocol):
    """What a test calls to say that it exercises clauses: `name` is counted once, or `count` times."""

    def __call__(self, evidence: Evidence, clauses: Iterable[str], name: str, count: int = 1) -> None: ...


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause as a page defines it."""

    number: str
    sentence: str
    page: str


@dataclass(slots=True)
class Gathered:
    """What a run exercised: clause -> kind of evidence -> name -> how much; and why tests were skipped.

    `unarranged` counts the packets that the kernel could not be given, by reason.
    """

    found: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    unarranged: Counter[str] = field(default_factory=Counter)

    def add(self, evidence: str, clauses: Iterable[str], name: str, count: int) -> None:
        """Note what one test exercised; the same name twice is one thing, with the larger count."""
        for clause in clauses if count else ():
            names = self.found.setdefault(clause, {}).setdefault(evidence, {})
            names[name] = max(names.get(name, 0), count)

    def count(self, clause: str, evidence: Evidence) -> int:
        """How much evidence of a kind there is for a clause."""
        return sum(self.found.get(clause, {}).get(evidence.value, {}).values())

    def kinds(self, clause: str) -> int:
        """How many kinds of evidence there are for a clause."""
        return sum(self.count(clause, evidence) > 0 for evidence in Evidence)

    def write(self, file: Path) -> None:
        """Keep it for the table."""
        told = {"found": self.found, "skipped": sorted(self.skipped), "unarranged": self.unarranged}
        file.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", "utf-8")

    @classmethod
    def read(cls, file: Path) -> Gathered:
        """What `write` wrote."""
        told: Mapping[str, Any] = json.loads(file.read_text("utf-8"))
        return cls(told["found"], set(told["skipped"]), Counter(told["unarranged"]))


BUGS = "tests/bugs"
"""The pages of bugs; each names the clauses that it breaks in a line `Clauses: NP-4, CH-3.`"""
BROKEN = re.compile(r"^Clauses: (.+)\.$", re.MULTILINE)


def broken(section: Section) -> tuple[str, ...]:
    """The clauses that a bug breaks, for a section of its page in which it is refuted; () for every other section."""
    refuted = any(block.kind == "answer verify" and block.text.startswith("refuted") for block in section.blocks)
    if not refuted or section.page.parent != ROOT / BUGS:
        return ()
    named = BROKEN.search(section.page.read_text("utf-8"))
    return tuple(named.group(1).split(", ")) if named else ()


def defined() -> list[Clause]:
    """Every clause of specs/, in the order of the pages."""
    found = []
    for page in pages():
        for section in sections(page):
            match = CLAUSE.match(section.title)
            if match and "specs" in page.relative_to(ROOT).parts:
                sentence = section.title[match.end() :].strip()
                found.append(Clause(match.group(1), sentence, page.relative_to(ROOT).as_posix()))
    return found
