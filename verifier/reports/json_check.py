"""What checking a bundle of evidence found, as JSON."""

from __future__ import annotations

from typing import Any

from verifier.model.evidence import CheckReport


def check_document(outcome: CheckReport) -> dict[str, Any]:
    """How the bundle's claims stand, then each family with what was shown of it."""
    return {
        "standing": outcome.standing.value,
        "directory": outcome.directory,
        "digest": outcome.digest,
        "claimed": outcome.claimed,
        "files": outcome.files,
        "solver": outcome.solver,
        "snapshot": outcome.snapshot,
        "missing": list(outcome.missing),
        "contradictions": list(outcome.contradictions),
        "families": [
            {
                "node": each.node,
                "family": each.family,
                "script": each.script,
                "questions": each.questions,
                "confirmed": each.confirmed,
                "undecided": each.undecided,
                "queries": each.queries,
                "unsat": each.unsat,
                "sat": each.sat,
                "solver": each.solver,
                "missing": list(each.missing),
                "contradictions": list(each.contradictions),
            }
            for each in outcome.families
        ],
    }
