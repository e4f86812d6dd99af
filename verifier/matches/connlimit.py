"""-m connlimit: how many connections there are, which depends on other traffic.

Spec: specs/matches/connlimit.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing(
    "#conn",
    piece("--connlimit-above", "> ([0-9]+)"),
    piece("--connlimit-upto", "<= ([0-9]+)"),
    piece("--connlimit-mask", "/([0-9]+)"),
    piece("--connlimit-saddr", "src(?=/)~"),
    piece("--connlimit-daddr", "dst(?=/)~"),
)
MODULE = opaque_module(
    "connlimit",
    "how many connections there are",
    arity={
        "--connlimit-upto": 1,
        "--connlimit-above": 1,
        "--connlimit-mask": 1,
        "--connlimit-saddr": 0,
        "--connlimit-daddr": 0,
    },
)
