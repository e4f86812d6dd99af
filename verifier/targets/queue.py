"""-j QUEUE: asks a program.

Spec: specs/targets/queue.md
"""

from __future__ import annotations

from verifier.model.listing import listing
from verifier.targets.module import unknown_module

LISTED = listing("", silent=True)
MODULE = unknown_module("QUEUE", "asks a program", "a program decides")
