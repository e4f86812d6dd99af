"""What the kernel made of packets, as JSON.

Spec: specs/questions/replay.md, specs/replay.schema.json
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from verifier.model.packet import Packet
from verifier.model.replay import Replay
from verifier.model.replay_report import NodeReplay, Replayed, ReplayReport
from verifier.model.trace import ChainTrace

Json: TypeAlias = dict[str, Any]


def replay_members(
    outcome: ReplayReport, packet: Callable[[Packet], Json], chains: Callable[[ChainTrace], Json]
) -> Json:
    """The members of the document of replay.schema.json that stand below its head."""
    return {
        "outcome": outcome.outcome.value,
        "notes": list(outcome.notes),
        "nodes": [_node(node, packet, chains) for node in outcome.nodes],
    }


def _node(node: NodeReplay, packet: Callable[[Packet], Json], chains: Callable[[ChainTrace], Json]) -> Json:
    return {
        "node": node.node,
        "compiler": node.compiler,
        "outcome": node.outcome.value,
        "packets": [_packet(each, packet, chains) for each in node.packets],
        "notes": list(node.notes),
    }


def _packet(each: Replayed, packet: Callable[[Packet], Json], chains: Callable[[ChainTrace], Json]) -> Json:
    return {
        **({"name": each.name} if each.name else {}),
        "path": each.path.value,
        "family": each.packet.family,
        "packet": packet(each.packet),
        "outcome": each.outcome.value,
        "expected": chains(each.expected),
        "kernel": [replay_document(replay) for replay in each.replays],
    }


def replay_document(replay: Replay) -> Json:
    """One packet in the kernel with one back end."""
    return {
        "backend": replay.backend.value,
        "outcome": replay.outcome.value,
        "reason": replay.reason or None,
        "verdict": replay.verdict.value if replay.verdict else None,
        "mark": replay.mark,
        "reply": replay.reply or None,
        "steps": [
            {"table": step.table, "chain": step.chain, "number": step.number, "mark_after": step.mark}
            for step in replay.steps
        ],
        "notes": list(replay.notes),
    }
