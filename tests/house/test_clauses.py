"""Clauses of the specification: numbered once, each with a case, and cited only where they exist."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

from tests.corpus_path import ROOT
from tests.literate import CLAUSE, pages, sections
from tests.meaning import broken

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
    """Some block below a heading of the clause asserts something, or is a command that is run."""
    executed = {
        clause
        for page in pages()
        for section in sections(page)
        if section.asserting() or any(block.kind == "console" for block in section.blocks)
        for clause in section.clauses
    }
    assert sorted(set(defined()) - executed) == []


def test_no_citation_dangles() -> None:
    """Every clause that code or a page cites exists."""
    dangling: dict[str, list[str]] = {}
    for path in [*CITING, *ROOT.glob("*.md"), *pages()]:
        for clause in citations(path.read_text("utf-8")) - set(defined()):
            dangling.setdefault(clause, []).append(str(path.relative_to(ROOT)))
    assert dict(sorted(dangling.items())) == {}


def test_each_bug_breaks_a_clause() -> None:
    """A page of tests/bugs that is refuted names what is broken."""
    refuted = [
        section
        for page in pages()
        for section in sections(page)
        if page.parent.name == "bugs" and any(block.text.startswith("refuted") for block in section.blocks)
    ]
    silent = {section.page.stem for section in refuted if not set(broken(section)) <= set(defined())}
    silent |= {section.page.stem for section in refuted if not broken(section)}
    assert sorted(silent) == []


SPEC = re.compile(r"\bspecs/[a-z0-9_/-]+\.(?:md|json)\b")


def test_named_pages_exist() -> None:
    """Every page of the specification that code names exists."""
    missing: dict[str, list[str]] = {}
    for path in CITING:
        for page in set(SPEC.findall(path.read_text("utf-8"))):
            if not (ROOT / page).exists():
                missing.setdefault(page, []).append(str(path.relative_to(ROOT)))
    assert dict(sorted(missing.items())) == {}


def test_what_is_no_clause_is_no_citation() -> None:
    """Names of encodings and documents are not clauses; clause numbers are."""
    assert citations('cited "' + "NP-" + '4", UTF-8, SHA-256, X-NP-4') == {"NP-" + "4"}
