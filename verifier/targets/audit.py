"""-j AUDIT: writes an audit record.

Spec: specs/targets/audit.md
"""

from __future__ import annotations

from verifier.targets.module import continuing_module

MODULE = continuing_module("AUDIT", "writes an audit record", {"--type": 1})
