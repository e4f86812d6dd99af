"""-m devgroup: the group of an interface, which this model does not have.

Spec: specs/matches/devgroup.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing(
    "",
    piece("--src-group", "(?P<no>! )?src-group (0x[0-9a-f]+(?:/0x[0-9a-f]+)?)"),
    piece("--dst-group", "(?P<no>! )?dst-group (0x[0-9a-f]+(?:/0x[0-9a-f]+)?)"),
)
MODULE = opaque_module("devgroup", "the group of an interface", arity={"--src-group": 1, "--dst-group": 1})
