# ruff: noqa: N999  the module is named like its target
"""-j RETURN: leaves the chain.

Spec: specs/targets/return.md
"""

from __future__ import annotations

from verifier.model.effect import Return
from verifier.model.listing import listing
from verifier.targets.module import plain_module

LISTED = listing("", silent=True)
MODULE = plain_module("RETURN", "leaves the chain", Return())
