"""What a run exercised as a table to read, page by page, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby

from tests.meaning import Clause, Evidence, Gathered

WIDTH = 78
"""Columns of a clause's number and sentence."""
THIN = 2
"""Kinds of evidence that a clause should have at least."""


def text(gathered: Gathered, clauses: Sequence[Clause], *, totals_only: bool = False) -> str:
    """A line per clause, a line per page, the totals, then the clauses that are thin and those without evidence."""
    lines = [] if totals_only else list(_pages(gathered, clauses))
    lines += [_row("all pages", [sum(gathered.count(c.number, e) for c in clauses) for e in Evidence])]
    shares = [sum(gathered.count(c.number, e) > 0 for c in clauses) for e in Evidence]
    lines += [_row(f"clauses with some, of {len(clauses)}", shares), ""]
    lines += [f"{evidence.value:<7} {evidence.meaning}" for evidence in Evidence]
    lines += [f"\nnot run: {reason}" for reason in sorted(gathered.skipped)]
    if gathered.unarranged:
        lines += ["", f"packets that the kernel could not be given: {gathered.unarranged.total()}"]
        lines += [f"  {number:>6}  {reason}" for reason, number in gathered.unarranged.most_common()]
    thin = [c.number for c in clauses if 0 < gathered.kinds(c.number) < THIN]
    lines += [f"\nthin, with one kind of evidence only ({len(thin)}): {', '.join(thin)}"] if thin else []
    missing = bare(gathered, clauses)
    lines += [f"\nwithout any evidence ({len(missing)}): {', '.join(c.number for c in missing)}"] if missing else []
    return "\n".join(lines) + "\n"


def _pages(gathered: Gathered, clauses: Sequence[Clause]) -> Iterator[str]:
    for page, members in groupby(clauses, lambda clause: clause.page):
        here = list(members)
        yield f"{page:<{WIDTH}}" + "".join(f"{evidence.value:>8}" for evidence in Evidence)
        for clause in here:
            counts = [gathered.count(clause.number, evidence) for evidence in Evidence]
            yield _row(f"  {clause.number:<7} {clause.sentence}", counts)
        if len(here) > 1:
            yield _row("", [sum(gathered.count(c.number, e) for c in here) for e in Evidence])
        yield ""


def _row(label: str, counts: Sequence[int]) -> str:
    short = label if len(label) < WIDTH else label[: WIDTH - 3] + "..."
    return f"{short:<{WIDTH}}" + "".join(f"{count or '-':>8}" for count in counts)


def as_json(gathered: Gathered, clauses: Sequence[Clause]) -> str:
    """Every clause with its counts and the names of what exercised it."""
    told = [
        {
            "clause": clause.number,
            "sentence": clause.sentence,
            "page": clause.page,
            "kinds": gathered.kinds(clause.number),
            **{evidence.value: gathered.count(clause.number, evidence) for evidence in Evidence},
            "evidence": gathered.found.get(clause.number, {}),
        }
        for clause in clauses
    ]
    return (
        json.dumps(
            {"clauses": told, "not_run": sorted(gathered.skipped), "not_arranged": gathered.unarranged}, indent=1
        )
        + "\n"
    )


def bare(gathered: Gathered, clauses: Sequence[Clause]) -> list[Clause]:
    """The clauses that nothing exercised."""
    return [clause for clause in clauses if not gathered.kinds(clause.number)]
