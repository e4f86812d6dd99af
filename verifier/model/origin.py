"""Where a fact was read, and the one error that tells a user so."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """A place in the input: path as the user would type it, line counted from 1 (0: the whole file)."""

    path: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path


class InputError(Exception):
    """Input that cannot be used: what was read, where, and what to do about it. Exit code 2."""

    def __init__(self, origin: Origin, problem: str, remedy: str) -> None:
        super().__init__(f"{origin}: {problem}; {remedy}")
        self.origin = origin
        self.problem = problem
        self.remedy = remedy
