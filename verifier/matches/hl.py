"""-m hl: the hop limit, which this model does not have.

Spec: specs/matches/hl.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module

MODULE = opaque_module("hl", "the hop limit", arity={"--hl-eq": 1, "--hl-lt": 1, "--hl-gt": 1})
