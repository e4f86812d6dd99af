"""What `replay` hands to a report.

Spec: specs/questions/replay.md
"""

from __future__ import annotations

from dataclasses import dataclass, field

from verifier.model.cluster import Cluster
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.profile import MarkBit
from verifier.model.replay import Outcome, Replay, worst
from verifier.model.snapshot import InputFile
from verifier.model.trace import ChainTrace


@dataclass(frozen=True, slots=True)
class Replayed:
    """One packet with what the reference says of it and what the kernel does; `name` is what it stands for.

    That is the id of a finding or the name of a class, "" for a packet that the user gave.
    """

    name: str
    path: Path
    packet: Packet
    expected: ChainTrace
    replays: tuple[Replay, ...]

    @property
    def outcome(self) -> Outcome:
        return worst(each.outcome for each in self.replays)


@dataclass(frozen=True, slots=True)
class NodeReplay:
    """All packets of one node; `notes` are what was left out of the dumps to load them, and why that changes nothing.

    `chains` and `marks` are what the compiler's profile knows of names and mark bits.
    """

    node: str
    compiler: str
    packets: tuple[Replayed, ...]
    notes: tuple[str, ...] = ()
    chains: tuple[tuple[str, str], ...] = ()
    marks: tuple[MarkBit, ...] = ()

    @property
    def outcome(self) -> Outcome:
        return worst(each.outcome for each in self.packets)


@dataclass(frozen=True, slots=True, eq=False)
class ReplayReport:
    """The outcome of `chainproof replay`; `whole` says whether packets are told one by one, rule by rule."""

    inputs: tuple[InputFile, ...]
    nodes: tuple[NodeReplay, ...]
    whole: bool = False
    notes: tuple[str, ...] = ()
    cluster: Cluster = field(default_factory=Cluster)

    @property
    def outcome(self) -> Outcome:
        return worst(packet.outcome for node in self.nodes for packet in node.packets)
