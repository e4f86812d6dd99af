"""-j TCPMSS: sets the segment size that a SYN announces.

Spec: specs/targets/tcpmss.md
"""

from __future__ import annotations

from verifier.targets.module import continuing_module

MODULE = continuing_module(
    "TCPMSS", "sets the segment size that a SYN announces", {"--set-mss": 1, "--clamp-mss-to-pmtu": 0}
)
