"""-m rt: the routing header of IPv6, which this model does not have.

Spec: specs/matches/rt.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module

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
