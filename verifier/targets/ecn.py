"""-j ECN: clears congestion marks.

Spec: specs/targets/ecn.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece
from verifier.targets.module import continuing_module

LISTED = listing(
    "ECN",
    piece("--ecn-tcp-remove", "TCP remove"),
    piece("--ecn-tcp-cwr", "CWR=([01])"),
    piece("--ecn-tcp-ece", "ECE=([01])"),
    piece("--ecn-ip-ect", "ECT codepoint=([0-3])"),
)
MODULE = continuing_module(
    "ECN", "clears congestion marks", {"--ecn-tcp-remove": 0, "--ecn-tcp-cwr": 1, "--ecn-tcp-ece": 1, "--ecn-ip-ect": 1}
)
