"""-j HMARK: sets the mark from a hash.

Spec: specs/targets/hmark.md
"""

from __future__ import annotations

from verifier.targets.module import unknown_module

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
