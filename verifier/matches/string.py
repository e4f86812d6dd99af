"""-m string: text in the payload, which this model does not have.

Spec: specs/matches/string.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece, quoted

LISTED = listing(
    "STRING match",
    piece("--hex-string", '(?P<no>! )?"(\\|.*?\\|)"', quoted),
    piece("--string", '(?P<no>! )?"(.*?)"', quoted),
    piece("--algo", "ALGO name (\\S+)"),
    piece("--from", "FROM ([0-9]+)"),
    piece("--to", "TO ([0-9]+)"),
    piece("--icase", "ICASE"),
)
MODULE = opaque_module(
    "string",
    "text in the payload",
    arity={"--from": 1, "--to": 1, "--algo": 1, "--string": 1, "--hex-string": 1, "--icase": 0},
)
