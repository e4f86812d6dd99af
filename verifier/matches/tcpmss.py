"""-m tcpmss: the segment size that a SYN announces, which this model does not have.

Spec: specs/matches/tcpmss.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing("tcpmss match", piece("--mss", "(?P<no>!)?([0-9]+(?::[0-9]+)?)"))
MODULE = opaque_module("tcpmss", "the segment size that a SYN announces", arity={"--mss": 1})
