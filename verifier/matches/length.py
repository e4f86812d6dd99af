"""-m length: the length of the packet, which this model does not have.

Spec: specs/matches/length.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing("length", piece("--length", "(?P<no>!)?([0-9]+(?::[0-9]+)?)"))
MODULE = opaque_module("length", "the length of the packet", arity={"--length": 1})
