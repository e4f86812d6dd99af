"""-m dscp: the class of service, which this model does not have.

Spec: specs/matches/dscp.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

LISTED = listing("DSCP match", piece("--dscp", "(?P<no>!)?(0x[0-9a-f]+)"))
MODULE = opaque_module("dscp", "the class of service", arity={"--dscp": 1, "--dscp-class": 1})
