"""-j NETMAP: rewrites a whole network to another.

Spec: specs/targets/netmap.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece
from verifier.targets.translation import translating_module

LISTED = listing("", piece("--to", "to:(\\S+)"))
MODULE = translating_module("NETMAP", "rewrites a whole network to another", {"--to": 1}, rewrites_destination=True)
