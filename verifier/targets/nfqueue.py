"""-j NFQUEUE: asks a program.

Spec: specs/targets/nfqueue.md
"""

from __future__ import annotations

from verifier.targets.module import unknown_module

MODULE = unknown_module(
    "NFQUEUE",
    "asks a program",
    "a program decides",
    {"--queue-num": 1, "--queue-balance": 1, "--queue-bypass": 0, "--queue-cpu-fanout": 0},
)
