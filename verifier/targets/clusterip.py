"""-j CLUSTERIP: shares an address among nodes.

Spec: specs/targets/clusterip.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece
from verifier.targets.module import unknown_module

LISTED = listing(
    "CLUSTERIP",
    piece("--hashmode", "hashmode=(\\S+)"),
    piece("--clustermac", "clustermac=(\\S+)"),
    piece("--total-nodes", "total_nodes=([0-9]+)"),
    piece("--local-node", "local_node=([0-9]+)"),
    piece("--hash-init", "hash_init=([0-9]+)"),
)
MODULE = unknown_module(
    "CLUSTERIP",
    "shares an address among nodes",
    "a hash decides which node answers",
    {"--new": 0, "--hashmode": 1, "--clustermac": 1, "--total-nodes": 1, "--local-node": 1, "--hash-init": 1},
)
