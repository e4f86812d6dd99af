"""-m esp: security parameters of ESP, which this model does not have.

Spec: specs/matches/esp.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing("esp", piece("--espspi", "spis?:(?P<no>!)?([0-9]+(?::[0-9]+)?)"))
MODULE = opaque_module("esp", "security parameters of ESP", arity={"--espspi": 1})
