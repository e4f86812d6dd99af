"""-m ecn: congestion marks, which this model does not have.

Spec: specs/matches/ecn.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module

MODULE = opaque_module("ecn", "congestion marks", arity={"--ecn-tcp-cwr": 0, "--ecn-tcp-ece": 0, "--ecn-ip-ect": 1})
