"""-j IDLETIMER: restarts a timer.

Spec: specs/targets/idletimer.md
"""

from __future__ import annotations

from verifier.targets.module import continuing_module

MODULE = continuing_module(
    "IDLETIMER", "restarts a timer", {"--timeout": 1, "--label": 1, "--alarm": 0, "--send_nl_msg": 1}
)
