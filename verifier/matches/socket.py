"""-m socket: an open socket that fits the packet, which depends on the programs of the node.

Spec: specs/matches/socket.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing(
    "socket",
    piece("--transparent", "--transparent"),
    piece("--nowildcard", "--nowildcard"),
    piece("--restore-skmark", "--restore-skmark"),
)
MODULE = opaque_module(
    "socket",
    "an open socket that fits the packet",
    arity={"--transparent": 0, "--nowildcard": 0, "--restore-skmark": 0},
)
