"""-m ttl: the time to live, which this model does not have.

Spec: specs/matches/ttl.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module

MODULE = opaque_module(
    "ttl", "the time to live", arity={"--ttl-eq": 1, "--ttl-lt": 1, "--ttl-gt": 1}, synonyms={"--ttl": "--ttl-eq"}
)
