"""-j SNAT: rewrites the source.

Spec: specs/targets/snat.md
"""

from __future__ import annotations

from verifier.targets.translation import translating_module

MODULE = translating_module(
    "SNAT",
    "rewrites the source",
    {"--to-source": 1, "--random": 0, "--random-fully": 0, "--persistent": 0},
    rewrites_destination=False,
)
