"""-j HL: sets the hop limit.

Spec: specs/targets/hl.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece
from verifier.targets.module import continuing_module

LISTED = listing(
    "HL",
    piece("--hl-set", "set to ([0-9]+)"),
    piece("--hl-dec", "decrement by ([0-9]+)"),
    piece("--hl-inc", "increment by ([0-9]+)"),
)
MODULE = continuing_module("HL", "sets the hop limit", {"--hl-set": 1, "--hl-dec": 1, "--hl-inc": 1})
