"""-j LOG: writes a line to the kernel's log.

Spec: specs/targets/log.md
"""

from __future__ import annotations

from verifier.targets.module import continuing_module

MODULE = continuing_module(
    "LOG",
    "writes to the kernel's log",
    {
        "--log-prefix": 1, "--log-level": 1, "--log-tcp-sequence": 0, "--log-tcp-options": 0, "--log-ip-options": 0,
        "--log-uid": 0, "--log-macdecode": 0,
    },
)  # fmt: skip
