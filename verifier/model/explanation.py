"""One packet on one path, with what both sides make of it and who is right."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from verifier.model.cluster import Namespace, Pod
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.trace import ChainTrace, Expectation


class Comparison(Enum):
    """How the verdict of the chains stands to what the specification asks."""

    AGREE = "agree"
    LEAK = "leak"
    BLOCKED = "blocked"
    EXCUSED = "excused"  # a documented deviation covers the difference
    UNSPECIFIED = "unspecified"  # the specification asks nothing
    UNDECIDED = "undecided"  # the chains or a policy hang on something opaque


@dataclass(frozen=True, slots=True)
class Party:
    """One end of a packet: the pod that owns the address and its namespace, or what else the address is."""

    address: int
    pod: Pod | None
    namespace: Namespace | None
    name: str  # "shop/api", "node node-a", "remote"


@dataclass(frozen=True, slots=True)
class Explanation:
    """The story of one packet: both sides, their comparison, and one sentence that says who is right."""

    node: str
    path: Path
    packet: Packet
    source: Party
    destination: Party
    chains: ChainTrace
    expectation: Expectation
    comparison: Comparison
    sentence: str
    deviations: tuple[str, ...] = ()
