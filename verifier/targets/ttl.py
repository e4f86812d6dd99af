"""-j TTL: sets the time to live.

Spec: specs/targets/ttl.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece
from verifier.targets.module import continuing_module

LISTED = listing(
    "TTL",
    piece("--ttl-set", "set to ([0-9]+)"),
    piece("--ttl-dec", "decrement by ([0-9]+)"),
    piece("--ttl-inc", "increment by ([0-9]+)"),
)
MODULE = continuing_module("TTL", "sets the time to live", {"--ttl-set": 1, "--ttl-dec": 1, "--ttl-inc": 1})
