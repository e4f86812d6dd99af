"""-m dst: destination options of IPv6, which this model does not have.

Spec: specs/matches/dst.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing("dst", piece("--dst-len", "length:(?P<no>!)?([0-9]+)"), piece("--dst-opts", "opts ([0-9:,]+)"))
MODULE = opaque_module("dst", "destination options of IPv6", arity={"--dst-len": 1, "--dst-opts": 1})
