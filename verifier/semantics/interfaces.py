"""The interfaces and bridge ports that the ends of a scene can have.

Spec: specs/universe.md
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from verifier.semantics.atoms import Foreign, Name, NameTest


class Axis(IntEnum):
    """Which end of a scene is symbolic."""

    SOURCE = 0
    DESTINATION = 1
    NEITHER = 2


class Interfaces:
    """The names that an end can have: (what is known of the name, cells behind it); -1 stands for a single fixed end.

    `unknown` says whose interface it is where no name is known; "" for bridge ports, of which nobody tells.
    """

    __slots__ = ("_unknown", "groups", "key")

    def __init__(self, groups: tuple[tuple[Name, int], ...], unknown: str = "a pod") -> None:
        self.groups = groups
        self._unknown = unknown
        self.key = tuple(name for name, _ in groups)

    def test(self, test: NameTest) -> tuple[int, int]:
        """(cells for which the test holds, cells for which nobody knows)."""
        holds = unknown = 0
        for name, mask in self.groups:
            answer = test.decide(name)
            if answer is None:
                unknown |= mask
            elif answer:
                holds |= mask
        return holds, unknown

    def unknown(self, test: NameTest) -> str:
        """Why nobody knows whether a test holds."""
        if test.port:
            return test.text
        return f"the interface of {self._unknown} is not known: no chain, address or route tells it"


NO_INTERFACE = Interfaces((("", -1),))


@dataclass(frozen=True, slots=True, eq=False)
class Ports:
    """The bridge ports by which packets come and leave; the one that they leave by is told by the end `along`."""

    coming: Interfaces
    leaving: Interfaces
    along: Axis = Axis.DESTINATION

    @property
    def key(self) -> object:
        """Equal where every test of a port is answered alike."""
        return self.coming.groups, self.leaving.groups, self.along


NO_PORTS = Ports(NO_INTERFACE, NO_INTERFACE)
UNKNOWN_PORTS = Ports(Interfaces(((None, -1),)), Interfaces(((None, -1),)))


def leaving(source: Name, destination: Name) -> Name:
    """The port by which a packet leaves: only what a bridge forwards, from port to port, has one (U-41)."""
    if any(end == "" or isinstance(end, Foreign) for end in (source, destination)):
        return ""
    return None if source is None else destination
