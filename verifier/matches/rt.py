"""-m rt: the routing header of IPv6, which this model does not have.

Spec: specs/matches/rt.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing(
    "rt",
    piece("--rt-type", "type:(?P<no>!)?([0-9]+)"),
    piece("--rt-segsleft", "segslefts?:(?P<no>!)?([0-9]+(?::[0-9]+)?)"),
    piece("--rt-len", "length:(?P<no>!)?([0-9]+)"),
    piece("--rt-0-res", "reserved"),
    piece("--rt-0-addrs", "0-addrs (\\S+)"),
    piece("--rt-0-not-strict", "0-not-strict"),
)
MODULE = opaque_module(
    "rt",
    "the routing header of IPv6",
    arity={
        "--rt-type": 1,
        "--rt-segsleft": 1,
        "--rt-len": 1,
        "--rt-0-res": 0,
        "--rt-0-addrs": 1,
        "--rt-0-not-strict": 0,
    },
)
