"""-j NFQUEUE: asks a program.

Spec: specs/targets/nfqueue.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece
from verifier.targets.module import unknown_module

LISTED = listing(
    "NFQUEUE",
    piece("--queue-num", "num ([0-9]+)"),
    piece("--queue-balance", "balance ([0-9]+:[0-9]+)"),
    piece("--queue-bypass", "bypass"),
    piece("--queue-cpu-fanout", "cpu-fanout"),
)
MODULE = unknown_module(
    "NFQUEUE",
    "asks a program",
    "a program decides",
    {"--queue-num": 1, "--queue-balance": 1, "--queue-bypass": 0, "--queue-cpu-fanout": 0},
)
