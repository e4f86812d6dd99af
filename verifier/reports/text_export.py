"""What was exported as evidence, for people."""

from __future__ import annotations

from verifier.model.bundle import Exported, ExportReport
from verifier.reports.page import Page


def write_export(outcome: ExportReport, page: Page) -> None:
    """Where the bundle is and how large, then each family with what it holds or why it holds nothing."""
    size = f"{outcome.size / 1e6:.1f} MB" if outcome.size >= 1e5 else f"{outcome.size / 1e3:.1f} kB"
    page.line((outcome.directory, "strong"), f": {outcome.files} files, {size}")
    for each in outcome.families:
        page.line("  ", (f"node {each.node} IPv{each.family}", "name"), f": {_said(each)}", hang=4)
    for note in outcome.notes:
        page.line("  ", (f"note: {note}", "dim"), hang=4)
    page.line(f"  to check it: chainproof evidence check {outcome.directory}")


def _said(family: Exported) -> str:
    if family.left_out:
        return f"not exported: {family.left_out} ({family.questions} questions are decided)"
    return f"{family.script}: {family.queries} queries for {family.asked} of {family.questions} decided questions"
