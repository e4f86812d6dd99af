"""-m ipcomp: parameters of compressed packets, which this model does not have.

Spec: specs/matches/ipcomp.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing("comp", piece("--ipcompspi", "spis?:(?P<no>!)?([0-9]+(?::[0-9]+)?)"), piece("--compres", "reserved"))
MODULE = opaque_module("ipcomp", "parameters of compressed packets", arity={"--ipcompspi": 1, "--compres": 0})
