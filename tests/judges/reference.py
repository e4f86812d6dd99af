"""The reference as a judge: one packet at a time, by plain loops."""

from __future__ import annotations

from dataclasses import replace

from tests.judges import ChainJudgement, Judge
from verifier.model.assumption import defaults, presences
from verifier.model.cluster import Cluster
from verifier.model.effect import Verdict
from verifier.model.fields import POLICED_PROTOCOLS, ConnState
from verifier.model.node import NodeState
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.policy import Direction
from verifier.model.selection import speak_of_every_protocol
from verifier.reference.chains import walk
from verifier.reference.policies import judge, perhaps, surely
from verifier.reference.specification import expectation
from verifier.reference.view import view_of

PATHS = {
    (True, True): Path.POD_TO_POD,
    (True, False): Path.POD_TO_REMOTE,
    (False, True): Path.REMOTE_TO_POD,
}
"""By whether the source and the destination are pods of the node."""


def chains(packet: Packet, path: Path, node: NodeState, cluster: Cluster) -> ChainJudgement:
    trace = walk(packet, path, node, view_of(node, cluster))
    return ChainJudgement(trace.verdict, trace.mark, trace.reasons)


def policies(packet: Packet, node: NodeState, cluster: Cluster, direction: Direction | None) -> bool | None:
    view = view_of(node, cluster)
    directions = (direction,) if direction else (Direction.INGRESS, Direction.EGRESS)
    spoken = speak_of_every_protocol(cluster) and packet.state is ConnState.NEW
    if spoken and packet.protocol not in POLICED_PROTOCOLS:
        answers = {
            all(
                judge(packet, cluster, one, view, replace(counting(defaults()), others=way)).allowed
                for one in directions
            )
            for way in presences(defaults())
            for counting in (surely, perhaps)
        }
        return answers.pop() if len(answers) == 1 else None
    local_source = (packet.family, packet.source) in view.local
    local_destination = (packet.family, packet.destination) in view.local
    path = PATHS.get((local_source, local_destination))
    if path:
        asked = expectation(packet, path, view, defaults())
        if asked.assumption and asked.must is None:
            return None
        if asked.must and not asked.ingress and not asked.egress:
            return asked.must is Verdict.ACCEPT
    traces, wide = (
        [judge(packet, cluster, one, view, counting(defaults())) for one in directions]
        for counting in (surely, perhaps)
    )
    if any(trace.reasons for trace in traces) or all(e.allowed for e in wide) is not all(e.allowed for e in traces):
        return None
    return all(trace.allowed for trace in traces)


JUDGE = Judge("reference", chains, policies)
