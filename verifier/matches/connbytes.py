"""-m connbytes: how much a connection has carried, which depends on the packets before.

Spec: specs/matches/connbytes.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module

MODULE = opaque_module(
    "connbytes",
    "how much a connection has carried",
    arity={"--connbytes": 1, "--connbytes-dir": 1, "--connbytes-mode": 1},
)
