"""-m frag: the fragment header of IPv6, which this model does not have.

Spec: specs/matches/frag.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module

MODULE = opaque_module(
    "frag",
    "the fragment header of IPv6",
    arity={"--fragid": 1, "--fraglen": 1, "--fragres": 0, "--fragfirst": 0, "--fragmore": 0, "--fraglast": 0},
)
