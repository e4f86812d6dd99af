"""-j TPROXY: hands the packet to a local socket.

Spec: specs/targets/tproxy.md
"""

from __future__ import annotations

from verifier.targets.module import unknown_module

MODULE = unknown_module(
    "TPROXY",
    "hands the packet to a local socket",
    "the packet goes to a local socket",
    {"--on-port": 1, "--on-ip": 1, "--tproxy-mark": 1},
)
