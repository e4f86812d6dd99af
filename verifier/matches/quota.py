"""-m quota: a number of bytes that runs out, which depends on the packets before.

Spec: specs/matches/quota.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing("", piece("--quota", "quota: ([0-9]+) bytes"))
MODULE = opaque_module("quota", "a number of bytes that runs out", arity={"--quota": 1})
