"""-j NOTRACK: switches connection tracking off.

Spec: specs/targets/notrack.md
"""

from __future__ import annotations

from verifier.targets.module import unknown_module

MODULE = unknown_module("NOTRACK", "switches connection tracking off", "connection tracking is switched off")
