"""-m string: text in the payload, which this model does not have.

Spec: specs/matches/string.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module

MODULE = opaque_module(
    "string",
    "text in the payload",
    arity={"--from": 1, "--to": 1, "--algo": 1, "--string": 1, "--hex-string": 1, "--icase": 0},
)
