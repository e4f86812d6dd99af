"""-j SNAT: rewrites the source.

Spec: specs/targets/snat.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece
from verifier.targets.translation import translating_module

LISTED = listing(
    "",
    piece("--to-source", "to:(\\S+)"),
    piece("--random", "random"),
    piece("--random-fully", "random-fully"),
    piece("--persistent", "persistent"),
)
MODULE = translating_module(
    "SNAT",
    "rewrites the source",
    {"--to-source": 1, "--random": 0, "--random-fully": 0, "--persistent": 0},
    rewrites_destination=False,
)
