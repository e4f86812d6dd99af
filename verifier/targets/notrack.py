"""-j NOTRACK: switches connection tracking off.

Spec: specs/targets/notrack.md
"""

from __future__ import annotations

from verifier.model.effect import Untrack
from verifier.model.listing import listing
from verifier.targets.module import plain_module

LISTED = listing("", silent=True)
MODULE = plain_module("NOTRACK", "switches connection tracking off", Untrack())
