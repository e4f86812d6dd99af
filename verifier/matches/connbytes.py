"""-m connbytes: how much a connection has carried, which depends on the packets before.

Spec: specs/matches/connbytes.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing(
    "",
    piece("--connbytes", "(?P<no>! )?connbytes ([0-9]+(?::[0-9]+)?)"),
    piece("--connbytes-mode", "connbytes mode (\\S+)"),
    piece("--connbytes-dir", "connbytes direction (\\S+)"),
)
MODULE = opaque_module(
    "connbytes",
    "how much a connection has carried",
    arity={"--connbytes": 1, "--connbytes-dir": 1, "--connbytes-mode": 1},
)
