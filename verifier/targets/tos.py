"""-j TOS: sets the type of service.

Spec: specs/targets/tos.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece
from verifier.targets.module import continuing_module

LISTED = listing(
    "TOS", piece("--set-tos", "set ?(\\S+)"), *(piece(f"--{w}-tos", f"{w} (\\S+)") for w in ("and", "or", "xor"))
)
MODULE = continuing_module(
    "TOS", "sets the type of service", {"--set-tos": 1, "--and-tos": 1, "--or-tos": 1, "--xor-tos": 1}
)
