"""-j NFLOG: hands a copy to a logging program.

Spec: specs/targets/nflog.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece, quoted
from verifier.targets.module import continuing_module

LISTED = listing(
    "",
    piece("--nflog-prefix", 'nflog-prefix (?:"(.*?)"|(\\S+))', quoted),
    piece("--nflog-group", "nflog-group ([0-9]+)"),
    piece("--nflog-range", "nflog-range ([0-9]+)"),
    piece("--nflog-size", "nflog-size ([0-9]+)"),
    piece("--nflog-threshold", "nflog-threshold ([0-9]+)"),
    silent=True,
)
MODULE = continuing_module(
    "NFLOG",
    "hands a copy to a logging program",
    {"--nflog-group": 1, "--nflog-prefix": 1, "--nflog-range": 1, "--nflog-size": 1, "--nflog-threshold": 1},
)
