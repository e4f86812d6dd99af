"""-j LED: blinks a light.

Spec: specs/targets/led.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece, quoted
from verifier.targets.module import continuing_module

LISTED = listing(
    "",
    piece("--led-trigger-id", 'led-trigger-id:"(.*?)"', quoted),
    piece("--led-delay", "led-delay:([0-9]+)(?:ms)?"),
    piece("--led-always-blink", "led-always-blink"),
)
MODULE = continuing_module("LED", "blinks a light", {"--led-trigger-id": 1, "--led-delay": 1, "--led-always-blink": 0})
