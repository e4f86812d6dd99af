"""-m policy: IPsec protection, which this model does not have.

Spec: specs/matches/policy.md
"""

from __future__ import annotations

import re

from verifier.matches.module import opaque_module
from verifier.model.listing import Unshown, listing, piece

PROTOCOLS = {"50": "esp", "51": "ah", "108": "ipcomp"}


def _protocol(match: re.Match[str]) -> tuple[str, ...]:
    """The protocol by name."""
    return (PROTOCOLS.get(match.group(2), match.group(2)),)


def _next(match: re.Match[str]) -> tuple[str, ...]:
    """What follows the first element of a strict policy is not read."""
    raise Unshown(f"further elements of an IPsec policy are not read: {match.group()}")


LISTED = listing(
    "policy match",
    piece("--dir", "dir (in|out)"),
    piece("--pol", "pol (\\S+)"),
    piece("--strict", "strict \\[0\\]"),
    piece("--reqid", "(?P<no>! )?reqid ([0-9]+)"),
    piece("--spi", "(?P<no>! )?spi (0x[0-9a-f]+)"),
    piece("--proto", "(?P<no>! )?proto (\\S+)", _protocol),
    piece("--mode", "(?P<no>! )?mode (\\S+)"),
    piece("--tunnel-dst", "(?P<no>! )?tunnel-dst (\\S+)"),
    piece("--tunnel-src", "(?P<no>! )?tunnel-src (\\S+)"),
    piece("--next", "\\[1\\].*", _next),
)
MODULE = opaque_module(
    "policy",
    "IPsec protection",
    arity={
        "--dir": 1,
        "--pol": 1,
        "--strict": 0,
        "--reqid": 1,
        "--spi": 1,
        "--proto": 1,
        "--mode": 1,
        "--tunnel-src": 1,
        "--tunnel-dst": 1,
        "--next": 0,
    },
)
