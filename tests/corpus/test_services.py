"""Packets to Services on recordings with kube-proxy: the listed regions hold exactly those that the reference finds wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest

from tests.corpus_path import corpus
from verifier import session
from verifier.compilers import recognise
from verifier.evidence.probe import Ends, packet_at
from verifier.evidence.regions import contains
from verifier.model.addresses import parse_address
from verifier.model.assumption import defaults
from verifier.model.effect import Verdict
from verifier.model.fields import CtStatus
from verifier.model.finding import Answer, Kind
from verifier.model.node import NodeState
from verifier.model.options import Probe, VerifyOptions
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.snapshot import Snapshot
from verifier.questions.verify import verify_node
from verifier.readers.snapshot import read_snapshot
from verifier.reference.chains import walk
from verifier.reference.specification import excused, expectation
from verifier.reference.view import view_of

PROVED = (("calico", "shop-services"), ("kube-router", "shop-services"), ("weave", "shop-services"))
BYPASSED = (
    ("azure", "shop-services"),
    ("azure", "shop-services-proxy-last"),
    ("calico", "shop-services-proxy-late"),
    ("kube-router", "shop-services-proxy-last"),
)
"""Here kube-proxy accepts what it has marked before the policies are asked."""

NAMES = "/".join
PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}
BACKEND = re.compile(r"-p (tcp|udp|sctp) .*-j DNAT --to-destination (\d+\.\d+\.\d+\.\d+):(\d+)$", re.MULTILINE)
OUTSIDE = ("203.0.113.9", "10.1.2.3", "192.0.2.7", "192.168.10.12")
WRONG = {(Verdict.DROP, Verdict.ACCEPT): Kind.LEAK, (Verdict.ACCEPT, Verdict.DROP): Kind.BLOCKED}


@pytest.mark.parametrize("recording", PROVED, ids=NAMES)
def test_policies_hold_for_services(recording: tuple[str, str]) -> None:
    """Where the policy engine's chains come first, what kube-proxy does breaks no policy."""
    (node,) = session.verify(str(corpus(*recording)), VerifyOptions()).nodes
    assert node.answer is Answer.PROVED
    assert {question.answer for question in node.questions} == {Answer.PROVED}


@pytest.mark.parametrize("recording", BYPASSED, ids=NAMES)
def test_marked_packets_pass_by_the_policies(recording: tuple[str, str]) -> None:
    """Where kube-proxy's chains come first, everything that it has marked for masquerading leaks, and nothing else."""
    (node,) = session.verify(str(corpus(*recording)), VerifyOptions()).nodes
    assert node.answer is Answer.REFUTED
    assert Answer.UNDECIDED not in {question.answer for question in node.questions}
    for finding in node.findings:
        assert finding.kind is Kind.LEAK
        assert all(box.through for box in finding.region)
        assert any("0x4000" in rule.text for rule in finding.rules), finding.cause


@pytest.mark.parametrize("recording", [*PROVED, BYPASSED[1], BYPASSED[2], BYPASSED[3]], ids=NAMES)
def test_every_way_through_a_service(recording: tuple[str, str]) -> None:
    """From every kind of sender, through every address of every Service, to every backend: reference and regions agree."""
    snapshot = read_snapshot(str(corpus(*recording)))
    (node,) = snapshot.nodes
    profile = recognise(node)
    deviations = profile.deviations(node)
    found = verify_node(snapshot, node, profile, VerifyOptions()).differences
    view = view_of(node, snapshot.cluster)
    seen: dict[Kind | None, int] = {}
    for path, packet in _packets(snapshot, node):
        must = expectation(packet, path, view, defaults()).must
        verdict = walk(packet, path, node, view).verdict
        kind = WRONG.get((must, verdict)) if must and verdict else None
        if kind is not None and excused(packet, path, kind, deviations, view):
            kind = None
        boxes = {each.kind for each in found if each.path is path and any(contains(box, packet) for box in each.region)}
        assert boxes == ({kind} if kind else set()), (path, packet)
        seen[kind if verdict else None] = seen.get(kind if verdict else None, 0) + 1
    assert (Kind.LEAK in seen) == (recording in BYPASSED)


def _packets(snapshot: Snapshot, node: NodeState) -> Iterator[tuple[Path, Packet]]:
    """Every packet that may be sent on, with the path on which it would be judged."""
    own = [each.address for each in node.addresses or () if each.family == 4 and each.interface == "eth0"]
    pods = [pod.addresses[4] for pod in snapshot.cluster.pods if pod.has_traffic]
    senders = [*own, *(parse_address(text)[1] for text in OUTSIDE), *pods]
    for protocol, address, port in sorted(set(_backends(snapshot, node))):
        for sender, (sent_to, sent_port) in product(senders, _frontends(snapshot, own, protocol)):
            if sender == address:
                continue
            ends = Ends(4, sender, address)
            made = packet_at(Probe("", "", protocol, port), ends, snapshot.cluster, node, recognise(node))
            if made is not None:
                path, packet = made
                yield path, replace(packet, ct_status=CtStatus.DNAT, original=(sent_to, sent_port))


def _backends(snapshot: Snapshot, node: NodeState) -> Iterator[tuple[int, int, int]]:
    text = (corpus() / snapshot.path / "nodes" / node.name / "iptables-save").read_text(encoding="utf-8")
    for name, address, port in BACKEND.findall(text):
        yield PROTOCOLS[name], parse_address(address)[1], int(port)


def _frontends(snapshot: Snapshot, own: list[int], protocol: int) -> Iterator[tuple[int, int]]:
    for service in snapshot.cluster.services:
        for port in service.ports:
            if port.protocol == protocol:
                yield from ((address, port.number) for _, address in (*service.addresses, *service.external))
                yield from ((address, port.node_port) for address in own if port.node_port)
