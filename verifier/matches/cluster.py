"""-m cluster: the share of a cluster node, which hangs on a hash of the kernel.

Spec: specs/matches/cluster.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module

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
