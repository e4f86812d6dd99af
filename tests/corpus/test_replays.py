"""The kernel confirms every finding about recorded nodes, with both back ends: verdict, every rule, final mark."""

from __future__ import annotations

import pytest

from tests.corpus_path import corpus
from verifier import session
from verifier.evidence.kernel.client import unavailable
from verifier.model.options import ReplayOptions, VerifyOptions
from verifier.model.replay import Backend, Outcome

MISSING = next((reason for backend in Backend if (reason := unavailable(backend))), "")
pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)

REFUTED = [
    ("azure", "features", False, 1),
    ("azure", "shop-services", False, 3),
    ("azure", "shop-services-proxy-last", False, 3),
    ("calico", "features-dual", True, 14),
    ("calico", "shop-drop", True, 3),
    ("calico", "shop-nft", True, 4),
    ("calico", "shop-services-proxy-late", True, 10),
    ("calico", "shop-tiers", True, 10),
    ("kube-router", "features-dual", True, 2),
    ("kube-router", "scale-small", True, 20),
    ("kube-router", "shop-services-proxy-last", True, 7),
    ("weave", "features", True, 3),
    ("weave", "shop-services", True, 2),
]
"""Recordings with findings: compiler, scenario, with --strict, and how many."""


@pytest.mark.exercises("REP-1")
@pytest.mark.parametrize(("compiler", "scenario", "strict", "number"), REFUTED)
def test_every_finding_is_confirmed(compiler: str, scenario: str, strict: bool, number: int) -> None:
    selected = VerifyOptions(strict=strict, backends=tuple(Backend))
    report = session.replay(str(corpus(compiler, scenario)), ReplayOptions(selected))
    packets = [packet for node in report.nodes for packet in node.packets]
    wrong = {
        packet.name: [replay.reason for replay in packet.replays]
        for packet in packets
        if packet.outcome is not Outcome.CONFIRMED
    }
    assert wrong == {}
    assert len(packets) == number
    assert all(packet.expected.verdict is replay.verdict for packet in packets for replay in packet.replays)
