"""-j CLASSIFY: sets the traffic class.

Spec: specs/targets/classify.md
"""

from __future__ import annotations

import re

from verifier.model.listing import listing, piece
from verifier.targets.module import continuing_module


def _class(match: re.Match[str]) -> tuple[str, ...]:
    """Both halves with four digits."""
    return (f"{match.group(1):>04}:{match.group(2):>04}",)


LISTED = listing("CLASSIFY set", piece("--set-class", "([0-9a-f]+):([0-9a-f]+)", _class))
MODULE = continuing_module("CLASSIFY", "sets the traffic class", {"--set-class": 1})
