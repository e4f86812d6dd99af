"""-m hbh: hop-by-hop options of IPv6, which this model does not have.

Spec: specs/matches/hbh.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing("hbh", piece("--hbh-len", "length:(?P<no>!)?([0-9]+)"), piece("--hbh-opts", "opts ([0-9:,]+)"))
MODULE = opaque_module("hbh", "hop-by-hop options of IPv6", arity={"--hbh-len": 1, "--hbh-opts": 1})
