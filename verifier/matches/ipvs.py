"""-m ipvs: what the virtual server knows of the connection, which this model does not have.

Spec: specs/matches/ipvs.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module

MODULE = opaque_module(
    "ipvs",
    "what the virtual server knows of the connection",
    arity={"--ipvs": 0, "--vproto": 1, "--vaddr": 1, "--vport": 1, "--vdir": 1, "--vmethod": 1, "--vportctl": 1},
)
