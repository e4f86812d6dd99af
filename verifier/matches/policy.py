"""-m policy: IPsec protection, which this model does not have.

Spec: specs/matches/policy.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module

MODULE = opaque_module(
    "policy",
    "IPsec protection",
    arity={
        "--dir": 1,
        "--pol": 1,
        "--strict": 0,
        "--reqid": 1,
        "--spi": 1,
        "--proto": 1,
        "--mode": 1,
        "--tunnel-src": 1,
        "--tunnel-dst": 1,
        "--next": 0,
    },
)
