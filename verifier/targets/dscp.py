"""-j DSCP: sets the class of service.

Spec: specs/targets/dscp.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece
from verifier.targets.module import continuing_module

LISTED = listing("DSCP set", piece("--set-dscp", "(0x[0-9a-f]+)"))
MODULE = continuing_module("DSCP", "sets the class of service", {"--set-dscp": 1, "--set-dscp-class": 1})
