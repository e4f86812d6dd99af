"""-j CLASSIFY: sets the traffic class.

Spec: specs/targets/classify.md
"""

from __future__ import annotations

from verifier.targets.module import continuing_module

MODULE = continuing_module("CLASSIFY", "sets the traffic class", {"--set-class": 1})
