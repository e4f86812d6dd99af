"""-j TTL: sets the time to live.

Spec: specs/targets/ttl.md
"""

from __future__ import annotations

from verifier.targets.module import continuing_module

MODULE = continuing_module("TTL", "sets the time to live", {"--ttl-set": 1, "--ttl-dec": 1, "--ttl-inc": 1})
