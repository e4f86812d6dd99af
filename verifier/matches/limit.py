"""-m limit: a rate limit, which depends on the packets before.

Spec: specs/matches/limit.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece, unless

LISTED = listing("", piece("--limit", "limit: avg (\\S+)"), unless("--limit-burst", "burst ([0-9]+)", "5"))
MODULE = opaque_module("limit", "a rate limit", arity={"--limit": 1, "--limit-burst": 1})
