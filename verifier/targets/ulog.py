"""-j ULOG: hands a copy to a logging program.

Spec: specs/targets/ulog.md
"""

from __future__ import annotations

from verifier.targets.module import continuing_module

MODULE = continuing_module(
    "ULOG",
    "hands a copy to a logging program",
    {"--ulog-nlgroup": 1, "--ulog-prefix": 1, "--ulog-cprange": 1, "--ulog-qthreshold": 1},
)
