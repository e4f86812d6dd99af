"""-m connlimit: how many connections there are, which depends on other traffic.

Spec: specs/matches/connlimit.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module

MODULE = opaque_module(
    "connlimit",
    "how many connections there are",
    arity={
        "--connlimit-upto": 1,
        "--connlimit-above": 1,
        "--connlimit-mask": 1,
        "--connlimit-saddr": 0,
        "--connlimit-daddr": 0,
    },
)
