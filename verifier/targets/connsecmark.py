"""-j CONNSECMARK: copies a security mark.

Spec: specs/targets/connsecmark.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece
from verifier.targets.module import continuing_module

LISTED = listing("CONNSECMARK", piece("--save", "save"), piece("--restore", "restore"))
MODULE = continuing_module("CONNSECMARK", "copies a security mark", {"--save": 0, "--restore": 0})
