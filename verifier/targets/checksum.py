"""-j CHECKSUM: fills in a checksum.

Spec: specs/targets/checksum.md
"""

from __future__ import annotations

from verifier.targets.module import continuing_module

MODULE = continuing_module("CHECKSUM", "fills in a checksum", {"--checksum-fill": 0})
