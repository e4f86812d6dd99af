"""Outcomes for people: one line that says it all, then what is wrong, worst first, then what it rests on."""

from __future__ import annotations

from verifier.model.bundle import ExportReport
from verifier.model.counters import CounterReport
from verifier.model.evidence import CheckReport
from verifier.model.finding import VerifyReport
from verifier.model.layer import LayerReport
from verifier.model.replay_report import ReplayReport
from verifier.model.story import ExplainReport, ProfileReport
from verifier.reports.page import Page
from verifier.reports.report import Outcome, Report, Style
from verifier.reports.text_check import write_check
from verifier.reports.text_counters import write_counters
from verifier.reports.text_export import write_export
from verifier.reports.text_layer import write_layer
from verifier.reports.text_profile import write_profiles
from verifier.reports.text_replay import write_replay
from verifier.reports.text_story import write_stories
from verifier.reports.text_verify import write_verify


def render(outcome: Outcome, style: Style) -> str:
    """The outcome as lines of text."""
    page = Page(style)
    match outcome:
        case VerifyReport():
            write_verify(outcome, page)
        case ExplainReport():
            write_stories(outcome, page)
        case CounterReport():
            write_counters(outcome, page)
        case ReplayReport():
            write_replay(outcome, page)
        case ProfileReport():
            write_profiles(outcome, page)
        case ExportReport():
            write_export(outcome, page)
        case CheckReport():
            write_check(outcome, page)
        case LayerReport():
            write_layer(outcome, page)
    return page.text()


MODULE = Report("text", "for people; in colour on a terminal, plain in a pipe", render)
