"""-m ipvs: what the virtual server knows of the connection, which this model does not have.

Spec: specs/matches/ipvs.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing(
    "",
    piece("--ipvs", "(?P<no>! )?ipvs"),
    piece("--vproto", "(?P<no>! )?vproto ([0-9]+)"),
    piece("--vaddr", "(?P<no>! )?vaddr (\\S+)"),
    piece("--vport", "(?P<no>! )?vport ([0-9]+)"),
    piece("--vdir", "vdir (ORIGINAL|REPLY)"),
    piece("--vmethod", "(?P<no>! )?vmethod (\\S+)"),
    piece("--vportctl", "(?P<no>! )?vportctl ([0-9]+)"),
)
MODULE = opaque_module(
    "ipvs",
    "what the virtual server knows of the connection",
    arity={"--ipvs": 0, "--vproto": 1, "--vaddr": 1, "--vport": 1, "--vdir": 1, "--vmethod": 1, "--vportctl": 1},
)
