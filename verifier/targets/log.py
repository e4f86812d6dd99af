"""-j LOG: writes a line to the kernel's log.

Spec: specs/targets/log.md
"""

from __future__ import annotations

import re

from verifier.model.extension import Option
from verifier.model.listing import listing, piece, quoted, several, unless
from verifier.targets.module import continuing_module

BITS = {
    "--log-tcp-sequence": 1, "--log-tcp-options": 2, "--log-ip-options": 4, "--log-uid": 8, "--log-macdecode": 32,
}  # fmt: skip


def _flags(match: re.Match[str]) -> tuple[Option, ...]:
    """What is written beside the prefix, of which -n shows the bits."""
    return tuple(Option(flag) for flag, bit in BITS.items() if int(match.group(1)) & bit)


LISTED = listing(
    "LOG",
    piece("--log-prefix", 'prefix "(.*)"', quoted),
    unless("--log-level", "level ([0-9]+)", "4"),
    unless("--log-level", "level (emerg|alert|crit|err(?:or)?|warn(?:ing)?|notice|info|debug)", "warn"),
    several("flags ([0-9]+)", _flags),
    *(piece(flag, flag.removeprefix("--log-")) for flag in BITS),
)
MODULE = continuing_module(
    "LOG",
    "writes to the kernel's log",
    {
        "--log-prefix": 1, "--log-level": 1, "--log-tcp-sequence": 0, "--log-tcp-options": 0, "--log-ip-options": 0,
        "--log-uid": 0, "--log-macdecode": 0,
    },
)  # fmt: skip
