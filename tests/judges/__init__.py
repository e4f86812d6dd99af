"""Who judges the packets of executable pages: the reference, and every encoder; one module each, named here."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from verifier.model.cluster import Cluster
from verifier.model.effect import Verdict
from verifier.model.node import NodeState
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.policy import Direction


@dataclass(frozen=True, slots=True)
class ChainJudgement:
    """What becomes of a packet: None where something opaque decides; `mark` None where the judge does not tell."""

    verdict: Verdict | None
    mark: int | None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judge:
    """One way to compute what a packet meets with.

    chains(packet, path, node, cluster)          through all hooks of the path
    policies(packet, node, cluster, direction)   True allowed, False denied, None unspecified; direction None: both
    free                                         how reasons begin that name fields this judge does not have: where
                                                 they alone decide, its verdict may be unknown
    """

    name: str
    chains: Callable[[Packet, Path, NodeState, Cluster], ChainJudgement]
    policies: Callable[[Packet, NodeState, Cluster, Direction | None], bool | None]
    free: tuple[str, ...] = ()


ENCODERS = ("encoder", "script")
JUDGES = ("reference", *ENCODERS)


def load(name: str) -> Judge:
    """The judge of that name."""
    judge = importlib.import_module(f"tests.judges.{name}").JUDGE
    assert isinstance(judge, Judge)
    return judge
