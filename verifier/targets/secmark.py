"""-j SECMARK: sets a security mark.

Spec: specs/targets/secmark.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece
from verifier.targets.module import continuing_module

LISTED = listing("SECMARK", piece("--selctx", "selctx (\\S+)"))
MODULE = continuing_module("SECMARK", "sets a security mark", {"--selctx": 1})
