"""What was exported as evidence, as JSON."""

from __future__ import annotations

from typing import Any

from verifier.model.bundle import ExportReport
from verifier.reports.json_check import check_document


def export_document(outcome: ExportReport) -> dict[str, Any]:
    """Where the bundle is, each family with what it holds or why it holds nothing, and what a check of it found."""
    return {
        "answer": outcome.answer.value,
        "directory": outcome.directory,
        "files": outcome.files,
        "size": outcome.size,
        "families": [
            {
                "node": each.node,
                "family": each.family,
                "script": each.script,
                "queries": each.queries,
                "asked": each.asked,
                "questions": each.questions,
                "not-exported": each.left_out,
            }
            for each in outcome.families
        ],
        "notes": list(outcome.notes),
        "check": None if outcome.check is None else check_document(outcome.check),
    }
