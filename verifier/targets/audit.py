"""-j AUDIT: writes an audit record.

Spec: specs/targets/audit.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece
from verifier.targets.module import continuing_module

LISTED = listing("AUDIT", piece("--type", "(\\S+)"))
MODULE = continuing_module("AUDIT", "writes an audit record", {"--type": 1})
