"""Clauses of the specification: numbered once, each with a case, and cited only where they exist."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.corpus_path import ROOT
from tests.literate import CLAUSE, pages, sections

CITATION = re.compile(r"(?<![\w-])([A-Z]{1,4}-\d+)(?![\w-])")
NOT_CLAUSES = ("UTF", "SHA", "ISO", "RFC", "CVE")
CITING = sorted(path for folder in ("verifier", "tests") for path in (ROOT / folder).rglob("*.py"))


@cache
def defined() -> Counter[str]:
    """The clauses that the pages of specs/ define, by how often."""
    titles = [section.title for page in pages() if "specs" in page.parts for section in sections(page)]
    return Counter(match.group(1) for title in titles if (match := CLAUSE.match(title)))


def citations(text: str) -> set[str]:
    """The clauses that a text cites."""
    return {clause for clause in CITATION.findall(text) if clause.split("-")[0] not in NOT_CLAUSES}


def test_each_clause_is_defined_once() -> None:
    """A number means one clause."""
    assert [clause for clause, times in defined().items() if times > 1] == []


def test_each_clause_has_a_case() -> None:
    """Some block below a heading of the clause asserts something."""
    executed = {
        clause for page in pages() for section in sections(page) if section.asserting() for clause in section.clauses
    }
    assert sorted(set(defined()) - executed) == []


@pytest.mark.parametrize("path", CITING, ids=[str(path.relative_to(ROOT)) for path in CITING])
def test_no_citation_dangles(path: Path) -> None:
    """Every clause that code cites exists."""
    cited = citations(path.read_text("utf-8"))
    assert sorted(cited - set(defined())) == []


def test_no_citation_dangles_in_pages() -> None:
    """Every clause that a page cites exists."""
    everything = [*ROOT.glob("*.md"), *pages()]
    dangling = {
        str(page.relative_to(ROOT)): sorted(missing)
        for page in everything
        if (missing := citations(page.read_text("utf-8")) - set(defined()))
    }
    assert dangling == {}


SPEC = re.compile(r"\bspecs/[\w/.-]+\.(?:md|json)\b")


@pytest.mark.parametrize("path", CITING, ids=[str(path.relative_to(ROOT)) for path in CITING])
def test_cited_pages_exist(path: Path) -> None:
    """Every page that code names exists."""
    named = SPEC.findall(path.read_text("utf-8"))
    assert [page for page in named if not (ROOT / page).exists()] == []


def test_what_is_no_clause_is_no_citation() -> None:
    """Names of encodings and documents are not clauses; clause numbers are."""
    assert citations('cited "' + "NP-" + '4", UTF-8, SHA-256, X-NP-4') == {"NP-" + "4"}
