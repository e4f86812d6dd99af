"""-j LED: blinks a light.

Spec: specs/targets/led.md
"""

from __future__ import annotations

from verifier.targets.module import continuing_module

MODULE = continuing_module("LED", "blinks a light", {"--led-trigger-id": 1, "--led-delay": 1, "--led-always-blink": 0})
