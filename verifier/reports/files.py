"""Files by their place in the snapshot, however the user addressed the snapshot.

Spec: specs/reports.md
"""

from __future__ import annotations

from collections.abc import Iterable

from verifier.model.origin import Origin


class Files:
    """The files that were read, by their paths inside the snapshot."""

    def __init__(self, inputs: Iterable[str]) -> None:
        self._inputs = frozenset(inputs)
        self._known: dict[str, str] = {}

    def of(self, origin: Origin) -> str:
        """The longest path of a file that was read and that the origin's path ends with, else the origin's own."""
        if origin.path not in self._known:
            self._known[origin.path] = self._inside(origin.path)
        return self._known[origin.path]

    def _inside(self, path: str) -> str:
        rest = path
        while rest not in self._inputs:
            _, slash, rest = rest.partition("/")
            if not slash:
                return path
        return rest
