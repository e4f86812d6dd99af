"""A solver that shares nothing with this project, asked the same scripts: Bitwuzla, in a process of its own.

Spec: specs/evidence.md (EV-13)
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "bitwuzla"
INSTALL = "pip install 'chainproof[evidence]'"
ASK = """
import sys, bitwuzla
parser = bitwuzla.Parser(bitwuzla.TermManager(), bitwuzla.Options())
parser.parse(sys.argv[1], parse_only=False)
"""
TOLD = 200


def name() -> str:
    """The second solver with its version; "" where none is installed."""
    if find_spec(PACKAGE) is None:
        return ""
    try:
        return f"{PACKAGE} {version(PACKAGE)}"
    except PackageNotFoundError:
        return PACKAGE


class SecondSolver:
    """A script that is being asked; `answers` waits for the end."""

    def __init__(self, script: bytes) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="chainproof-")
        path = Path(self._directory.name) / "script.smt2"
        path.write_bytes(script)
        self._process = subprocess.Popen(  # noqa: S603 (this interpreter, a fixed program)
            [sys.executable, "-c", ASK, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def answers(self, timeout: float | None) -> tuple[list[str], str]:
        """The answers in the order of the queries, as far as they came, and what went wrong, "" where nothing did."""
        try:
            output, errors = self._process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            output, _ = self._process.communicate()
            return output.split(), f"not all of its answers came within {timeout:g} seconds"
        if self._process.returncode:
            last = errors.strip().splitlines()[-1:] or [f"it ended with code {self._process.returncode}"]
            return output.split(), last[0][:TOLD]
        return output.split(), ""

    def stop(self) -> None:
        """End it, whatever it is at, and leave nothing behind."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
        self._directory.cleanup()
