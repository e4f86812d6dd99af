"""-j DROP: drops the packet.

Spec: specs/targets/drop.md
"""

from __future__ import annotations

from verifier.model.effect import Finish, Verdict
from verifier.model.listing import listing
from verifier.targets.module import plain_module

LISTED = listing("", silent=True)
MODULE = plain_module("DROP", "drops the packet", Finish(Verdict.DROP))
