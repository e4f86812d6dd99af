"""-j TRACE: asks the kernel to log the rules that follow.

Spec: specs/targets/trace.md
"""

from __future__ import annotations

from verifier.model.listing import listing
from verifier.targets.module import continuing_module

LISTED = listing("", silent=True)
MODULE = continuing_module("TRACE", "asks the kernel to log the rules that follow")
