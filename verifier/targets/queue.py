"""-j QUEUE: asks a program.

Spec: specs/targets/queue.md
"""

from __future__ import annotations

from verifier.targets.module import unknown_module

MODULE = unknown_module("QUEUE", "asks a program", "a program decides")
