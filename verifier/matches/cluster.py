"""-m cluster: the share of a cluster node, which hangs on a hash of the kernel.

Spec: specs/matches/cluster.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing(
    "cluster",
    piece("--cluster-local-nodemask", "(?P<no>!)?node_mask=(0x[0-9a-f]+)"),
    piece("--cluster-total-nodes", "total_nodes=([0-9]+)"),
    piece("--cluster-hash-seed", "hash_seed=(0x[0-9a-f]+)"),
)
MODULE = opaque_module(
    "cluster",
    "the share of a cluster node",
    arity={
        "--cluster-total-nodes": 1,
        "--cluster-local-node": 1,
        "--cluster-local-nodemask": 1,
        "--cluster-hash-seed": 1,
    },
)
