"""-j MASQUERADE: rewrites the source to the out-interface's address.

Spec: specs/targets/masquerade.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece
from verifier.targets.translation import translating_module

LISTED = listing(
    "",
    piece("--to-ports", "masq ports: (\\S+)"),
    piece("--random", "random"),
    piece("--random-fully", "random-fully"),
    silent=True,
)
MODULE = translating_module(
    "MASQUERADE",
    "rewrites the source to the out-interface's address",
    {"--to-ports": 1, "--random": 0, "--random-fully": 0},
    rewrites_destination=False,
)
