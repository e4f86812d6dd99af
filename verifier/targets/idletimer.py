"""-j IDLETIMER: restarts a timer.

Spec: specs/targets/idletimer.md
"""

from __future__ import annotations

from verifier.model.listing import listing, piece
from verifier.targets.module import continuing_module

LISTED = listing(
    "",
    piece("--timeout", "timeout:([0-9]+)"),
    piece("--label", "label:(\\S+)"),
    piece("--alarm", "alarm"),
    piece("--send_nl_msg", "nlmsg(?:=([01]))?"),
)
MODULE = continuing_module(
    "IDLETIMER", "restarts a timer", {"--timeout": 1, "--label": 1, "--alarm": 0, "--send_nl_msg": 1}
)
