"""Packets handed to the kernel, with the dumps that it has to load for them.

Spec: specs/questions/replay.md
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from verifier.evidence.kernel.records import Stage
from verifier.evidence.replay import Asked, Oracle, Replayer, Result
from verifier.model.finding import Answer, Finding, NodeReport
from verifier.model.node import NodeState
from verifier.model.options import Progress
from verifier.model.profile import Profile
from verifier.model.replay import Backend
from verifier.model.snapshot import Snapshot
from verifier.readers.dumps import read_dumps


def opened(stage: Stage, backend: Backend) -> AbstractContextManager[Oracle]:
    """The kernel, in a namespace of its own."""
    from verifier.evidence.kernel.client import Kernel  # noqa: PLC0415  hardly any run asks the kernel

    return Kernel(stage, backend)


def replayed(
    asked: Sequence[Asked],
    snapshot: Snapshot,
    node: NodeState,
    profile: Profile,
    backends: tuple[Backend, ...],
    progress: Progress,
    *,
    brief: bool = False,
) -> Result:
    """What the kernel makes of packets of one node; InputError where its files changed after they were read."""
    dumps = read_dumps(snapshot, node)
    return Replayer(snapshot, node, profile, dumps, backends, opened, brief=brief).replay(asked, progress)


def asked_of(findings: Sequence[Finding]) -> list[Asked]:
    """The witness of each finding."""
    return [Asked(each.id, each.path, each.witness.packet) for each in findings]


def unanswered(report: NodeReport) -> tuple[str, ...]:
    """What the findings of a node do not tell: that there are none, and how much of the node is undecided."""
    undecided = sum(question.answer is Answer.UNDECIDED for question in report.questions)
    left = f"verify leaves {undecided} of {len(report.questions)} questions undecided" if undecided else ""
    none = "" if report.findings else f"verify finds nothing, so there is nothing to replay ({report.answer.value})"
    return tuple(note for note in (none, left) if note)


def with_replays(findings: Sequence[Finding], result: Result) -> tuple[Finding, ...]:
    """The findings with what the kernel makes of their witnesses."""
    pairs = zip(findings, result.packets, strict=True)
    return tuple(replace(finding, replays=packet.replays) for finding, packet in pairs)
