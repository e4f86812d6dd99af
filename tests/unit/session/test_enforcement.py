"""Where something outside iptables applies the policies, one packet is not decided by the rules either."""

from __future__ import annotations

from pathlib import Path

import pytest

from verifier import session
from verifier.model.fields import TCP
from verifier.model.finding import Answer
from verifier.model.options import Probe

CLUSTER = """
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
- {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}, spec: {nodeName: node-a, containers: []}, status: {phase: Running, podIP: 10.0.0.2}}
- {apiVersion: v1, kind: Pod, metadata: {name: api, namespace: shop}, spec: {nodeName: node-a, containers: []}, status: {phase: Running, podIP: 10.0.0.3}}
- {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: all, namespace: shop}, spec: {podSelector: {}}}
"""
RULES = """*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:CHAIN - [0:0]
-A FORWARD -j CHAIN
COMMIT
"""


@pytest.mark.parametrize(
    ("chain", "answer", "told"),
    [
        ("CILIUM_FORWARD", Answer.UNDECIDED, "not decided: Cilium applies policies in eBPF programs"),
        ("FLANNEL-FWD", Answer.REFUTED, "the rules are wrong"),
    ],
)
def test_one_packet(chain: str, answer: Answer, told: str, tmp_path: Path) -> None:
    """The packet is walked through the rules all the same."""
    for name, text in (("cluster/all.yaml", CLUSTER), ("nodes/node-a/iptables-save", RULES.replace("CHAIN", chain))):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    report = session.explain(str(tmp_path), Probe("shop/api", "shop/web", TCP, 80))
    assert report.answer is answer
    (story,) = report.stories
    assert told in story.explanation.sentence
    assert {step.chain for step in story.explanation.chains.steps} >= {"FORWARD"}
