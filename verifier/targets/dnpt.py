"""-j DNPT: rewrites the destination prefix.

Spec: specs/targets/dnpt.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece
from verifier.targets.module import unknown_module

LISTED = listing("DNPT", piece("--src-pfx", "src-pfx (\\S+)"), piece("--dst-pfx", "dst-pfx (\\S+)"))
MODULE = unknown_module(
    "DNPT", "rewrites the destination prefix", "an address is rewritten", {"--src-pfx": 1, "--dst-pfx": 1}
)
