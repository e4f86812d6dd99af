"""-j TCPOPTSTRIP: blanks options of a TCP header.

Spec: specs/targets/tcpoptstrip.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece
from verifier.targets.module import continuing_module

LISTED = listing("TCPOPTSTRIP options", piece("--strip-options", "(\\S+)"))
MODULE = continuing_module("TCPOPTSTRIP", "blanks options of a TCP header", {"--strip-options": 1})
