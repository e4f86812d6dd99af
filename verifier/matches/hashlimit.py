"""-m hashlimit: a rate limit for each of many groups of packets, which depends on the packets before.

Spec: specs/matches/hashlimit.md
"""

from __future__ import annotations

import re

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece


def _mode(match: re.Match[str]) -> tuple[str, ...]:
    """What the groups are made of; a listing puts hyphens between the parts."""
    return (match.group(1).replace("-", ","),)


LISTED = listing(
    "limit: (?=up to |above )~",
    piece("--hashlimit-upto", "up to (\\S+)"),
    piece("--hashlimit-above", "above (\\S+)"),
    piece("--hashlimit-burst", "burst (\\S+)"),
    piece("--hashlimit-mode", "mode (\\S+)", _mode),
    piece("--hashlimit-htable-size", "htable-size ([0-9]+)"),
    piece("--hashlimit-htable-max", "htable-max ([0-9]+)"),
    piece("--hashlimit-htable-gcinterval", "htable-gcinterval ([0-9]+)"),
    piece("--hashlimit-htable-expire", "htable-expire ([0-9]+)"),
    piece("--hashlimit-srcmask", "srcmask ([0-9]+)"),
    piece("--hashlimit-dstmask", "dstmask ([0-9]+)"),
    piece("--hashlimit-rate-match", "rate-match"),
    piece("--hashlimit-rate-interval", "rate-interval ([0-9]+)"),
)
MODULE = opaque_module(
    "hashlimit",
    "a rate limit for each of many groups of packets",
    arity={
        "--hashlimit-upto": 1,
        "--hashlimit-above": 1,
        "--hashlimit-burst": 1,
        "--hashlimit-mode": 1,
        "--hashlimit-srcmask": 1,
        "--hashlimit-dstmask": 1,
        "--hashlimit-name": 1,
        "--hashlimit-htable-size": 1,
        "--hashlimit-htable-max": 1,
        "--hashlimit-htable-expire": 1,
        "--hashlimit-htable-gcinterval": 1,
        "--hashlimit-rate-match": 0,
        "--hashlimit-rate-interval": 1,
    },
    synonyms={"--hashlimit": "--hashlimit-upto"},
)
