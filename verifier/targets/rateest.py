"""-j RATEEST: feeds a rate estimator.

Spec: specs/targets/rateest.md
"""

from __future__ import annotations

from verifier.targets.module import continuing_module

MODULE = continuing_module(
    "RATEEST", "feeds a rate estimator", {"--rateest-name": 1, "--rateest-interval": 1, "--rateest-ewmalog": 1}
)
