"""-j SYNPROXY: answers in the place of a server.

Spec: specs/targets/synproxy.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece
from verifier.targets.module import unknown_module

LISTED = listing(
    "SYNPROXY",
    piece("--sack-perm", "sack-perm"),
    piece("--timestamp", "timestamp"),
    piece("--wscale", "wscale ([0-9]+)"),
    piece("--mss", "mss ([0-9]+)"),
    piece("--ecn", "ecn"),
)
MODULE = unknown_module(
    "SYNPROXY",
    "answers in the place of a server",
    "a proxy answers",
    {"--sack-perm": 0, "--timestamp": 0, "--wscale": 1, "--mss": 1, "--ecn": 0},
)
