"""Nothing that the oracle's packets of a recorded pod meet is met by no representative: whole rule paths, marks, verdicts.

CHAINPROOF_FUZZ=long walks every packet of the oracle, otherwise a random choice of them.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import TypeAlias

import pytest

from tests.corpus_path import corpus
from tests.oracle.batch import Ends
from tests.oracle.world import Judged, judge_family
from verifier.compilers import recognise
from verifier.model.effect import Translate
from verifier.model.fields import SCTP, TCP, UDP, ConnState, CtStatus
from verifier.model.node import NodeState
from verifier.model.options import VerifyOptions
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.policy import Direction
from verifier.model.snapshot import Snapshot
from verifier.questions.representatives import representatives
from verifier.readers.snapshot import read_snapshot
from verifier.reference.bridges import misdirected
from verifier.reference.chains import walk
from verifier.reference.policies import judge
from verifier.reference.specification import misplaced
from verifier.reference.view import View, view_of

LONG = os.environ.get("CHAINPROOF_FUZZ") == "long"
WALKED = 1_000_000 if LONG else 2_000
"""At most so many packets of the oracle are walked of each family of a recording."""
PLAIN = [
    *((compiler, "seed") for compiler in ("azure", "calico", "kube-router", "weave")),
    *(
        ("azure", "features"),
        ("calico", "features-dual"),
        ("kube-router", "features-dual"),
        ("weave", "features-numeric"),
    ),
    *(("azure", "shop"), ("calico", "shop-tiers"), ("kube-router", "shop"), ("weave", "shop-numeric")),
]
SERVICES = [(compiler, "shop-services") for compiler in ("azure", "calico", "kube-router", "weave")]
Story: TypeAlias = tuple[object, ...]
"""What becomes of a packet of a pod: the pod, its path and state, every rule that it meets, and what policies say."""


@cache
def _recorded(*parts: str) -> tuple[Snapshot, NodeState, View]:
    snapshot = read_snapshot(str(corpus(*parts)))
    (node,) = snapshot.nodes
    return snapshot, node, view_of(node, snapshot.cluster, recognise(node).bridge(node))


def _story(pod: str, path: Path, packet: Packet, node: NodeState, view: View) -> Story | None:
    """The story of a packet, None where nobody knows what becomes of it."""
    walked = walk(packet, path, node, view)
    if walked.verdict is None:
        return None
    steps = tuple((step.table, step.chain, step.number, step.mark_after) for step in walked.steps)
    allowed: tuple[bool, ...] = ()
    if packet.state is ConnState.NEW and packet.protocol in (TCP, UDP, SCTP):
        allowed = tuple(judge(packet, view.cluster, each, view).allowed for each in Direction)
    return pod, path, packet.state, packet.original is None, walked.verdict, steps, allowed


def _told(snapshot: Snapshot, node: NodeState, view: View, family: int) -> set[Story | None]:
    found = representatives(snapshot, node, recognise(node), VerifyOptions(families=(family,)))
    return {_story(each.pod, each.path, each.packet, node, view) for each in found}


def _pods(packet: Packet, view: View) -> Iterator[str]:
    for end in {packet.source, packet.destination}:
        if (packet.family, end) in view.local:
            yield view.pods[packet.family, end].full_name


def _judged(snapshot: Snapshot, node: NodeState, family: int) -> Judged:
    found = judge_family(snapshot, node, recognise(node), family, seed=1)
    assert found is not None
    return found


def _chosen(count: int) -> list[int]:
    return sorted(random.Random(0).sample(range(count), min(WALKED, count)))


def _unmet(packets: Iterator[tuple[Path, Packet]], told: set[Story | None], node: NodeState, view: View) -> list[str]:
    missing = []
    for path, packet in packets:
        for pod in _pods(packet, view):
            story = _story(pod, path, packet, node, view)
            if story is not None and story not in told:
                missing.append(f"{pod} {path.value} {packet}")
    return missing


def _plain(judged: Judged) -> Iterator[tuple[Path, Packet]]:
    """Packets of the oracle, each also as one that is not tracked, and as one that is not valid."""
    batch = judged.batch
    for number in _chosen(batch.count):
        packet, path = batch.packet(number), batch.path(number)
        yield path, packet
        if packet.state is ConnState.RELATED and packet.ct_status == 0 and packet.protocol in (TCP, UDP, SCTP):
            yield path, replace(packet, state=ConnState.UNTRACKED)
            yield path, replace(packet, state=ConnState.INVALID)


@pytest.mark.exercises("PC-1")
@pytest.mark.parametrize("parts", [*PLAIN, *SERVICES], ids="/".join)
def test_every_story_is_told(parts: tuple[str, str]) -> None:
    """Whatever becomes of a packet of the oracle becomes of a representative."""
    snapshot, node, view = _recorded(*parts)
    for family in sorted(node.rulesets):
        if not any(known == family for known, _ in view.local):
            continue
        judged = _judged(snapshot, node, family)
        missing = _unmet(_plain(judged), _told(snapshot, node, view, family), node, view)
        assert not missing, f"{len(missing)} of IPv{family}: {missing[:3]}"


def _sent_on(snapshot: Snapshot, node: NodeState, judged: Judged) -> Iterator[tuple[Path, Packet]]:
    """Packets between the oracle's ends, as sent to the addresses of Services with the ports that rules give them."""
    chains = node.rulesets[4].chains.values()
    effects = [rule.effect for chain in chains for rule in chain.rules if isinstance(rule.effect, Translate)]
    ports = sorted({target.ports[0] for effect in effects for target in effect.targets if target.ports})
    own = sorted(address for family, address in judged.view.types.own if family == 4)
    originals = [
        (address, number)
        for service in snapshot.cluster.services
        for port in service.ports
        for address, number in (
            *((address, port.number) for family, address in (*service.addresses, *service.external) if family == 4),
            *((address, port.node_port) for address in own),
        )
        if number
    ]
    ends = [*judged.batch.ends, *_to_themselves(judged)]
    space = [(end, original, port) for end in ends for original in originals for port in ports]
    for number in _chosen(len(space) * 3):
        end, original, port = space[number // 3]
        yield (
            end.path,
            Packet(
                family=4,
                source=end.source,
                destination=end.destination,
                protocol=(TCP, UDP, SCTP)[number % 3],
                source_port=40000,
                destination_port=port,
                ct_status=CtStatus.DNAT,
                in_interface=end.in_interface,
                out_interface=end.out_interface,
                phys_in=end.phys_in,
                phys_out=end.phys_out,
                bridged=end.bridged,
                original=original,
            ),
        )


def _to_themselves(judged: Judged) -> Iterator[Ends]:
    """Every pod as both ends."""
    known = {end.source: end for end in judged.batch.ends if end.path is Path.POD_TO_POD}
    for address, end in known.items():
        back = next(each for each in judged.batch.ends if each.path is Path.POD_TO_POD and each.destination == address)
        yield replace(end, destination=address, out_interface=back.out_interface, phys_out=back.phys_out)


@pytest.mark.exercises("PC-2")
@pytest.mark.parametrize("parts", SERVICES, ids="/".join)
def test_every_story_of_what_is_sent_on_is_told(parts: tuple[str, str]) -> None:
    """Whatever becomes of a packet that the nat table sends on becomes of a representative that is sent on."""
    snapshot, node, view = _recorded(*parts)
    judged = _judged(snapshot, node, 4)
    sent = [(path, packet) for path, packet in _sent_on(snapshot, node, judged)]
    assert not [p for path, p in sent if misdirected(p, path, view) or misplaced(p, path, view)]
    missing = _unmet(iter(sent), _told(snapshot, node, view, 4), node, view)
    assert not missing, f"{len(missing)}: {missing[:3]}"
