"""-m realm: the realm of the route, which this model does not have.

Spec: specs/matches/realm.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing("", piece("--realm", "(?P<no>! )?realm (\\S+)"))
MODULE = opaque_module("realm", "the realm of the route", arity={"--realm": 1})
