"""-m tos: the type of service, which this model does not have.

Spec: specs/matches/tos.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing("tos match~", piece("--tos", "(?P<no>!)?(\\S+)"))
MODULE = opaque_module("tos", "the type of service", arity={"--tos": 1})
