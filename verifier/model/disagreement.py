"""The error that says that two of our own parts contradict each other."""

from __future__ import annotations


class Disagreement(Exception):  # noqa: N818 (the name of exit code 4)
    """Two independent computations of the same thing differ: a fault of ours, never of the user. Exit code 4."""
