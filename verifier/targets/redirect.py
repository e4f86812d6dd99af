"""-j REDIRECT: rewrites the destination to this node.

Spec: specs/targets/redirect.md
"""

from __future__ import annotations

from verifier.targets.translation import translating_module

MODULE = translating_module(
    "REDIRECT", "rewrites the destination to this node", {"--to-ports": 1, "--random": 0}, rewrites_destination=True
)
