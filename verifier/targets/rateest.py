"""-j RATEEST: feeds a rate estimator.

Spec: specs/targets/rateest.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece
from verifier.targets.module import continuing_module

LISTED = listing(
    "",
    piece("--rateest-name", "name (\\S+)"),
    piece("--rateest-interval", "interval (\\S+)"),
    piece("--rateest-ewmalog", "ewmalog (\\S+)"),
)
MODULE = continuing_module(
    "RATEEST", "feeds a rate estimator", {"--rateest-name": 1, "--rateest-interval": 1, "--rateest-ewmalog": 1}
)
