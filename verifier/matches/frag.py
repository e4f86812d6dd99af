"""-m frag: the fragment header of IPv6, which this model does not have.

Spec: specs/matches/frag.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing(
    "frag",
    piece("--fragid", "ids?:(?P<no>!)?([0-9]+(?::[0-9]+)?)"),
    piece("--fraglen", "length:(?P<no>!)?([0-9]+)"),
    piece("--fragres", "reserved"),
    piece("--fragfirst", "first"),
    piece("--fragmore", "more"),
    piece("--fraglast", "last"),
)
MODULE = opaque_module(
    "frag",
    "the fragment header of IPv6",
    arity={"--fragid": 1, "--fraglen": 1, "--fragres": 0, "--fragfirst": 0, "--fragmore": 0, "--fraglast": 0},
)
