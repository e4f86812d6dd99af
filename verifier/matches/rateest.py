"""-m rateest: estimated rates, which depend on other traffic.

Spec: specs/matches/rateest.md
"""

from __future__ import annotations

import re

from verifier.matches.module import opaque_module
from verifier.model.listing import Unshown, listing, piece


def _as_listed(match: re.Match[str]) -> tuple[str, ...]:
    """A listing prints other units and another order than the rule was given."""
    raise Unshown(f"a rate, shown as {match.group()!r}")


LISTED = listing("rateest match", piece("--rateest", ".*?(?:bps|pps)(?: [0-9]+)?(?: (?:eq|lt|gt))?", _as_listed))
MODULE = opaque_module(
    "rateest",
    "estimated rates",
    arity={
        "--rateest": 1,
        "--rateest-delta": 0,
        "--rateest1": 1,
        "--rateest2": 1,
        "--rateest-bps": 0,
        "--rateest-pps": 0,
        "--rateest-bps1": 1,
        "--rateest-bps2": 1,
        "--rateest-pps1": 1,
        "--rateest-pps2": 1,
        "--rateest-lt": 0,
        "--rateest-gt": 0,
        "--rateest-eq": 0,
    },
)
