"""Finished reports, written for people and for programs."""

from __future__ import annotations

from importlib import import_module

from verifier.reports.report import Report

REPORTS = {
    "json": "json_report",
    "text": "text",
}
"""The module of every format, sorted by the format's name; a module is loaded when its format is asked for."""


def report(name: str) -> Report:
    """The report format with this name; KeyError where there is none."""
    module: Report = import_module(f"verifier.reports.{REPORTS[name]}").MODULE
    return module
