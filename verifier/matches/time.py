"""-m time: the time of day and the date, which no field of the packet tells.

Spec: specs/matches/time.md
"""

from __future__ import annotations

import re

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece, several


def _days(match: re.Match[str]) -> tuple[str, ...]:
    """Days of the month without the endings that a listing gives them."""
    return (re.sub("[a-z]+", "", match.group(1)),)


def _date(match: re.Match[str]) -> tuple[str, ...]:
    """A date with its time."""
    return (f"{match.group(1)}T{match.group(2)}",)


LISTED = listing(
    "TIME",
    piece("--timestart", "from ([0-9:]+)"),
    piece("--timestop", "to ([0-9:]+)"),
    piece("--weekdays", "on ((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:,(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun))*)"),
    piece("--monthdays", "on ([0-9]+(?:st|nd|rd|th)(?:,[0-9]+(?:st|nd|rd|th))*)", _days),
    piece("--datestart", "starting from ([-0-9]+) ([0-9:]+)", _date),
    piece("--datestop", "until date ([-0-9]+) ([0-9:]+)", _date),
    several("UTC", lambda _match: ()),
    piece("--contiguous", "contiguous"),
)
MODULE = opaque_module(
    "time",
    "the time of day and the date",
    arity={
        "--datestart": 1,
        "--datestop": 1,
        "--timestart": 1,
        "--timestop": 1,
        "--monthdays": 1,
        "--weekdays": 1,
        "--kerneltz": 0,
        "--contiguous": 0,
        "--utc": 0,
        "--localtz": 0,
    },
)
