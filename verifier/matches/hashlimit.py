"""-m hashlimit: a rate limit for each of many groups of packets, which depends on the packets before.

Spec: specs/matches/hashlimit.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module

MODULE = opaque_module(
    "hashlimit",
    "a rate limit for each of many groups of packets",
    arity={
        "--hashlimit-upto": 1,
        "--hashlimit-above": 1,
        "--hashlimit-burst": 1,
        "--hashlimit-mode": 1,
        "--hashlimit-srcmask": 1,
        "--hashlimit-dstmask": 1,
        "--hashlimit-name": 1,
        "--hashlimit-htable-size": 1,
        "--hashlimit-htable-max": 1,
        "--hashlimit-htable-expire": 1,
        "--hashlimit-htable-gcinterval": 1,
        "--hashlimit-rate-match": 0,
        "--hashlimit-rate-interval": 1,
    },
    synonyms={"--hashlimit": "--hashlimit-upto"},
)
