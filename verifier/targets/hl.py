"""-j HL: sets the hop limit.

Spec: specs/targets/hl.md
"""

from __future__ import annotations

from verifier.targets.module import continuing_module

MODULE = continuing_module("HL", "sets the hop limit", {"--hl-set": 1, "--hl-dec": 1, "--hl-inc": 1})
