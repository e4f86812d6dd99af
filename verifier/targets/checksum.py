"""-j CHECKSUM: fills in a checksum.

Spec: specs/targets/checksum.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece
from verifier.targets.module import continuing_module

LISTED = listing("CHECKSUM", piece("--checksum-fill", "fill"))
MODULE = continuing_module("CHECKSUM", "fills in a checksum", {"--checksum-fill": 0})
