"""-j DSCP: sets the class of service.

Spec: specs/targets/dscp.md
"""

from __future__ import annotations

from verifier.targets.module import continuing_module

MODULE = continuing_module("DSCP", "sets the class of service", {"--set-dscp": 1, "--set-dscp-class": 1})
