"""What checking a bundle of evidence found, for people."""

from __future__ import annotations

from collections.abc import Iterable

from verifier.model.evidence import CheckedFamily, CheckReport, Standing
from verifier.reports.page import Page
from verifier.reports.spelling import counted

SENTENCES = {
    Standing.CONFIRMED: "every claim was checked and holds",
    Standing.INCOMPLETE: "no check contradicts a claim, but not all could be checked",
    Standing.CONTRADICTED: "a check contradicts what the bundle claims",
}
LISTED = 5


def write_check(outcome: CheckReport, page: Page) -> None:
    """How the claims stand, then each family with what was shown, what was not, and what is otherwise."""
    page.line((f"{outcome.directory}: {outcome.standing.value}", "strong"), f": {SENTENCES[outcome.standing]}", hang=2)
    page.line(f"  {outcome.files} files are those of the manifest, whose SHA-256 is {outcome.digest}")
    if outcome.snapshot:
        page.line(f"  compared with {outcome.snapshot}: its files, and the scripts that they give")
    for each in outcome.families:
        page.line("  ", (f"node {each.node} IPv{each.family}", "name"), f": {_said(each, outcome.solver)}", hang=4)
        _list(each.contradictions, each.missing, page)
    _list(outcome.contradictions, outcome.missing, page)


def _said(family: CheckedFamily, solver: str) -> str:
    if not family.script:
        return f"{family.questions} claims, {family.undecided} undecided questions, no script"
    told = f"{family.confirmed} of {family.questions} claims confirmed"
    if family.undecided:
        told += f", {family.undecided} questions undecided"
    told += f"; {counted(family.unsat, 'proof')} followed, {counted(family.sat, 'packet')} evaluated"
    return told if family.solver is None else f"{told}; {solver} agrees on {family.solver} of {family.queries} queries"


def _list(contradictions: Iterable[str], missing: Iterable[str], page: Page) -> None:
    for word, texts in (("contradicted", list(contradictions)), ("not checked", list(missing))):
        for text in texts[:LISTED]:
            page.line("    ", (f"{word}: {text}", "strong"), hang=6)
        if len(texts) > LISTED:
            page.line(f"    {word}: {len(texts) - LISTED} more")
