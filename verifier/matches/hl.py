"""-m hl: the hop limit, which this model does not have.

Spec: specs/matches/hl.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing(
    "",
    piece("--hl-eq", "HL match HL (?:==|(?P<no>!=)) ([0-9]+)"),
    piece("--hl-lt", "HL match HL < ([0-9]+)"),
    piece("--hl-gt", "HL match HL > ([0-9]+)"),
)
MODULE = opaque_module("hl", "the hop limit", arity={"--hl-eq": 1, "--hl-lt": 1, "--hl-gt": 1})
