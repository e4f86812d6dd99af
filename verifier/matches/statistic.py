"""-m statistic: chance, or every n-th packet, which no field of the packet tells.

Spec: specs/matches/statistic.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module

MODULE = opaque_module(
    "statistic", "chance, or every n-th packet", arity={"--mode": 1, "--probability": 1, "--every": 1, "--packet": 1}
)
