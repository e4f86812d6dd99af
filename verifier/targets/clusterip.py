"""-j CLUSTERIP: shares an address among nodes.

Spec: specs/targets/clusterip.md
"""

from __future__ import annotations

from verifier.targets.module import unknown_module

MODULE = unknown_module(
    "CLUSTERIP",
    "shares an address among nodes",
    "a hash decides which node answers",
    {"--new": 0, "--hashmode": 1, "--clustermac": 1, "--total-nodes": 1, "--local-node": 1, "--hash-init": 1},
)
