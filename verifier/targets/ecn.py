"""-j ECN: clears congestion marks.

Spec: specs/targets/ecn.md
"""

from __future__ import annotations

from verifier.targets.module import continuing_module

MODULE = continuing_module(
    "ECN", "clears congestion marks", {"--ecn-tcp-remove": 0, "--ecn-tcp-cwr": 1, "--ecn-tcp-ece": 1, "--ecn-ip-ect": 1}
)
