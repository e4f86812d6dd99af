"""What is known of compilers, for people."""

from __future__ import annotations

from verifier.model.story import ProfileReport
from verifier.reports.page import Page


def write_profiles(outcome: ProfileReport, page: Page) -> None:
    """Each compiler with its documented deviations, then the assumptions, all with their sources."""
    for profile in outcome.profiles:
        page.line((profile.name, "strong"), f": {profile.summary}", hang=2)
        if not profile.deviations:
            page.line("  no documented deviation")
        for deviation in profile.deviations:
            page.line("  ", (deviation.name, "name"), f": {deviation.sentence}", hang=4)
            page.line("    ", (f"source: {deviation.source}", "dim"), hang=6)
        page.blank()
    page.line(("assumptions", "strong"), " (--assume NAME=allow|deny|any; any leaves them open)", hang=2)
    for assumption in outcome.assumptions:
        page.line("  ", (assumption.name, "name"), f": {assumption.sentence}", hang=4)
        page.line(
            f"    allow: {assumption.allow}; deny: {assumption.deny}; default: {assumption.default.value}", hang=6
        )
        page.line("    ", (f"source: {assumption.source}", "dim"), hang=6)
