"""-m mac: the sender's hardware address, which no packet of this model carries.

Spec: specs/matches/mac.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing("MAC", piece("--mac-source", "(?P<no>! ?)?([0-9A-Fa-f:]{17})"))
MODULE = opaque_module("mac", "the sender's hardware address", arity={"--mac-source": 1})
