"""-j ACCEPT: ends the table with accept.

Spec: specs/targets/accept.md
"""

from __future__ import annotations

from verifier.model.effect import Finish, Verdict
from verifier.model.listing import listing
from verifier.targets.module import plain_module

LISTED = listing("", silent=True)
MODULE = plain_module("ACCEPT", "ends the table with accept", Finish(Verdict.ACCEPT))
