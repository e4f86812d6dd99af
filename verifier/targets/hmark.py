"""-j HMARK: sets the mark from a hash.

Spec: specs/targets/hmark.md
"""

from __future__ import annotations

import re

from verifier.model.listing import listing, piece
from verifier.targets.module import unknown_module


def _decimal(match: re.Match[str]) -> tuple[str, ...]:
    """The offset as iptables-save prints it."""
    return (str(int(match.group(1), 16)),)


LISTED = listing(
    "HMARK",
    piece("--hmark-src-prefix", "src-prefix ([0-9]+)"),
    piece("--hmark-dst-prefix", "dst-prefix ([0-9]+)"),
    piece("--hmark-sport-mask", "sport-mask (0x[0-9a-f]+)"),
    piece("--hmark-dport-mask", "dport-mask (0x[0-9a-f]+)"),
    piece("--hmark-spi-mask", "spi-mask (0x[0-9a-f]+)"),
    piece("--hmark-sport", "sport (0x[0-9a-f]+)"),
    piece("--hmark-dport", "dport (0x[0-9a-f]+)"),
    piece("--hmark-spi", "spi (0x[0-9a-f]+)"),
    piece("--hmark-proto-mask", "proto-mask (0x[0-9a-f]+)"),
    piece("--hmark-rnd", "rnd (0x[0-9a-f]+)"),
    piece("--hmark-mod", "mod ([0-9]+)"),
    piece("--hmark-offset", "\\+ (0x[0-9a-f]+)", _decimal),
)
MODULE = unknown_module(
    "HMARK",
    "sets the mark from a hash",
    "the mark comes from a hash",
    {
        "--hmark-tuple": 1,
        "--hmark-mod": 1,
        "--hmark-offset": 1,
        "--hmark-src-prefix": 1,
        "--hmark-dst-prefix": 1,
        "--hmark-sport-mask": 1,
        "--hmark-dport-mask": 1,
        "--hmark-spi-mask": 1,
        "--hmark-sport": 1,
        "--hmark-dport": 1,
        "--hmark-spi": 1,
        "--hmark-proto-mask": 1,
        "--hmark-rnd": 1,
    },
)
