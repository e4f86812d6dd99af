"""-j TEE: sends a copy of the packet elsewhere.

Spec: specs/targets/tee.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece
from verifier.targets.module import continuing_module

LISTED = listing("TEE", piece("--gateway", "gw:(\\S+)"), piece("--oif", "oif=(\\S+)"))
MODULE = continuing_module("TEE", "sends a copy of the packet elsewhere", {"--gateway": 1, "--oif": 1})
