"""What was exported as evidence, as JSON."""

from __future__ import annotations

from typing import Any

from verifier.model.bundle import ExportReport


def export_document(outcome: ExportReport) -> dict[str, Any]:
    """Where the bundle is, and each family with what it holds or why it holds nothing."""
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
    }
