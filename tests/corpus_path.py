"""Where the recordings of real compilers are, for tests that read them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def corpus(*parts: str) -> Path:
    """A folder of the recordings; skips the calling test, saying so, where they are absent."""
    base = Path(os.environ.get("CHAINPROOF_CORPUS", ROOT.parent / "shared" / "corpus"))
    path = base.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"recordings not found: {path} (set CHAINPROOF_CORPUS)")
    return path
