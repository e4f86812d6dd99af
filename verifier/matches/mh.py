"""-m mh: the type of a mobility message, which this model does not have.

Spec: specs/matches/mh.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing("mh", piece("--mh-type", "(?P<no>!)?([0-9]+(?::[0-9]+)?|[a-z][-a-z]*(?::[a-z][-a-z]*)?)"))
MODULE = opaque_module("mh", "the type of a mobility message", arity={"--mh-type": 1})
