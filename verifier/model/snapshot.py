"""Everything that was read, with the hash of every file."""

from __future__ import annotations

from dataclasses import dataclass

from verifier.model.cluster import Cluster
from verifier.model.node import NodeState


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that was read: path inside the snapshot, SHA-256 of its bytes in hexadecimal, and how many these are."""

    path: str
    sha256: str
    size: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A cluster and its nodes. `notes` are sentences on what is missing or was read past."""

    path: str
    cluster: Cluster
    nodes: tuple[NodeState, ...]
    inputs: tuple[InputFile, ...]
    notes: tuple[str, ...] = ()
