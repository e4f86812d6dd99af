"""-m ah: security parameters of AH, which this model does not have.

Spec: specs/matches/ah.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing(
    "ah",
    piece("--ahspi", "spis?:(?P<no>!)?([0-9]+(?::[0-9]+)?)~"),
    piece("--ahlen", "length:(?P<no>!)?([0-9]+)"),
    piece("--ahres", "reserved"),
)
MODULE = opaque_module("ah", "security parameters of AH", arity={"--ahspi": 1, "--ahlen": 1, "--ahres": 0})
