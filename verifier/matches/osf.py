"""-m osf: the sender's operating system, which is a guess over the packet's bytes.

Spec: specs/matches/osf.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing("OS fingerprint match", piece("--genre", "(?P<no>! )?(\\S+)"))
MODULE = opaque_module("osf", "the sender's operating system", arity={"--genre": 1, "--ttl": 1, "--log": 1})
