"""-j SNPT: rewrites the source prefix.

Spec: specs/targets/snpt.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece
from verifier.targets.module import unknown_module

LISTED = listing("SNPT", piece("--src-pfx", "src-pfx (\\S+)"), piece("--dst-pfx", "dst-pfx (\\S+)"))
MODULE = unknown_module(
    "SNPT", "rewrites the source prefix", "an address is rewritten", {"--src-pfx": 1, "--dst-pfx": 1}
)
