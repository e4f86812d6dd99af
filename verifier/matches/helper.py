"""-m helper: the helper of the connection, which this model does not have.

Spec: specs/matches/helper.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece, saved

LISTED = listing("helper match", piece("--helper", '(?P<no>! )?"(.*?)"', saved))
MODULE = opaque_module("helper", "the helper of the connection", arity={"--helper": 1})
