"""-m length: the length of the packet, which this model does not have.

Spec: specs/matches/length.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module

MODULE = opaque_module("length", "the length of the packet", arity={"--length": 1})
