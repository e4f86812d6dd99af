"""-j SYNPROXY: answers in the place of a server.

Spec: specs/targets/synproxy.md
"""

from __future__ import annotations

from verifier.targets.module import unknown_module

MODULE = unknown_module(
    "SYNPROXY",
    "answers in the place of a server",
    "a proxy answers",
    {"--sack-perm": 0, "--timestamp": 0, "--wscale": 1, "--mss": 1, "--ecn": 0},
)
