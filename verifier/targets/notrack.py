"""-j NOTRACK: switches connection tracking off.

Spec: specs/targets/notrack.md
"""

from __future__ import annotations

from verifier.model.listing import listing
from verifier.targets.module import unknown_module

LISTED = listing("", silent=True)
MODULE = unknown_module("NOTRACK", "switches connection tracking off", "connection tracking is switched off")
