"""-m ttl: the time to live, which this model does not have.

Spec: specs/matches/ttl.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing(
    "",
    piece("--ttl-eq", "TTL match TTL (?:==|(?P<no>!=)) ([0-9]+)"),
    piece("--ttl-lt", "TTL match TTL < ([0-9]+)"),
    piece("--ttl-gt", "TTL match TTL > ([0-9]+)"),
)
MODULE = opaque_module(
    "ttl", "the time to live", arity={"--ttl-eq": 1, "--ttl-lt": 1, "--ttl-gt": 1}, synonyms={"--ttl": "--ttl-eq"}
)
