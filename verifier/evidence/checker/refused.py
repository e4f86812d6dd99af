"""The one way in which the checker turns something down."""

from __future__ import annotations


class RefusedError(Exception):
    """A script or a certificate that cannot be accepted: which of them, where (line counted from 1, 0: all of it), why."""

    def __init__(self, what: str, line: int, problem: str) -> None:
        super().__init__(f"{what}:{line}: {problem}" if line else f"{what}: {problem}")
        self.what = what
        self.line = line
        self.problem = problem


class NotShownError(RefusedError):
    """A certificate that can be read and does not show what it claims, or values that do not satisfy their query."""


SCRIPT = "script"
CERTIFICATE = "certificate"
