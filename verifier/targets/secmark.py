"""-j SECMARK: sets a security mark.

Spec: specs/targets/secmark.md
"""

from __future__ import annotations

from verifier.targets.module import continuing_module

MODULE = continuing_module("SECMARK", "sets a security mark", {"--selctx": 1})
