"""Property tests take the time they need, and the same examples in every run unless a long search is asked for."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("chainproof", deadline=None, derandomize=os.environ.get("CHAINPROOF_FUZZ") != "long")
settings.load_profile("chainproof")
