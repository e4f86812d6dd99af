"""-j REDIRECT: rewrites the destination to this node.

Spec: specs/targets/redirect.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece
from verifier.targets.translation import translating_module

LISTED = listing("", piece("--to-ports", "redir ports (\\S+)"), piece("--random", "random"), silent=True)
MODULE = translating_module(
    "REDIRECT", "rewrites the destination to this node", {"--to-ports": 1, "--random": 0}, rewrites_destination=True
)
