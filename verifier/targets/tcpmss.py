"""-j TCPMSS: sets the segment size that a SYN announces.

Spec: specs/targets/tcpmss.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece
from verifier.targets.module import continuing_module

LISTED = listing("TCPMSS", piece("--set-mss", "set ([0-9]+)"), piece("--clamp-mss-to-pmtu", "clamp to PMTU"))
MODULE = continuing_module(
    "TCPMSS", "sets the segment size that a SYN announces", {"--set-mss": 1, "--clamp-mss-to-pmtu": 0}
)
