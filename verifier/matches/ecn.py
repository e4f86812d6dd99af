"""-m ecn: congestion marks, which this model does not have.

Spec: specs/matches/ecn.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing(
    "ECN match",
    piece("--ecn-tcp-ece", "(?P<no>!)?ECE"),
    piece("--ecn-tcp-cwr", "(?P<no>!)?CWR"),
    piece("--ecn-ip-ect", "(?P<no>!)?ECT=([0-3])"),
)
MODULE = opaque_module("ecn", "congestion marks", arity={"--ecn-tcp-cwr": 0, "--ecn-tcp-ece": 0, "--ecn-ip-ect": 1})
