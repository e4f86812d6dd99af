"""-m u32: arithmetic over the packet's bytes, of which this model has only some.

Spec: specs/matches/u32.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece, quoted

LISTED = listing("u32", piece("--u32", '(?P<no>! )?"(.*?)"', quoted))
MODULE = opaque_module("u32", "arithmetic over the packet's bytes", arity={"--u32": 1})
