"""One packet that stands for a class of packets which nothing on a node can tell apart.

Spec: specs/classes.md
"""

from __future__ import annotations

from dataclasses import dataclass

from verifier.model.packet import Packet
from verifier.model.path import Path


@dataclass(frozen=True, slots=True)
class Representative:
    """The plainest packet of one class of the packets of `pod` ("namespace/name"), on the path that they take.

    Where the packet has an `original`, the node's nat table sends the packets of the class on.
    """

    pod: str
    path: Path
    packet: Packet
