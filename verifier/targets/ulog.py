"""-j ULOG: hands a copy to a logging program.

Spec: specs/targets/ulog.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece, quoted
from verifier.targets.module import continuing_module

LISTED = listing(
    "ULOG",
    piece("--ulog-cprange", "copy_range ([0-9]+)"),
    piece("--ulog-nlgroup", "nlgroup ([0-9]+)"),
    piece("--ulog-prefix", 'prefix "(.*?)"', quoted),
    piece("--ulog-qthreshold", "queue_threshold ([0-9]+)"),
)
MODULE = continuing_module(
    "ULOG",
    "hands a copy to a logging program",
    {"--ulog-nlgroup": 1, "--ulog-prefix": 1, "--ulog-cprange": 1, "--ulog-qthreshold": 1},
)
