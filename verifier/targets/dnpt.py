"""-j DNPT: rewrites the destination prefix.

Spec: specs/targets/dnpt.md
"""

from __future__ import annotations

from verifier.targets.module import unknown_module

MODULE = unknown_module(
    "DNPT", "rewrites the destination prefix", "an address is rewritten", {"--src-pfx": 1, "--dst-pfx": 1}
)
