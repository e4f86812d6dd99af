"""-j NFLOG: hands a copy to a logging program.

Spec: specs/targets/nflog.md
"""

from __future__ import annotations

from verifier.targets.module import continuing_module

MODULE = continuing_module(
    "NFLOG",
    "hands a copy to a logging program",
    {"--nflog-group": 1, "--nflog-prefix": 1, "--nflog-range": 1, "--nflog-size": 1, "--nflog-threshold": 1},
)
