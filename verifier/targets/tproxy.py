"""-j TPROXY: hands the packet to a local socket.

Spec: specs/targets/tproxy.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece
from verifier.targets.module import unknown_module

LISTED = listing(
    "TPROXY redirect",
    piece("--on-port", ":([0-9]+)"),
    piece("--on-ip", "([0-9a-f.:]+)(?=:[0-9]+(?: |$))~"),
    piece("--tproxy-mark", "mark (0x[0-9a-f]+/0x[0-9a-f]+)"),
)
MODULE = unknown_module(
    "TPROXY",
    "hands the packet to a local socket",
    "the packet goes to a local socket",
    {"--on-port": 1, "--on-ip": 1, "--tproxy-mark": 1},
)
