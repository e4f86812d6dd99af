"""-j DNAT: rewrites the destination.

Spec: specs/targets/dnat.md
"""

from __future__ import annotations

from verifier.targets.translation import translating_module

MODULE = translating_module(
    "DNAT",
    "rewrites the destination",
    {"--to-destination": 1, "--random": 0, "--persistent": 0},
    rewrites_destination=True,
)
