"""Selectors of nodes become addresses where nodes are known, and leave everything undecided where none is."""

from __future__ import annotations

from pathlib import Path

from verifier.model.finding import Answer
from verifier.model.options import VerifyOptions
from verifier.session import verify

POLICY = """
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: nodes}
spec: {tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [{action: Accept, to: [{nodes: {}}]}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicyList
items: []
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec: {nodeName: a, containers: [{name: web}]}
status: {phase: Running, podIP: 10.0.0.2}
"""
NODE = """
---
apiVersion: v1
kind: Node
metadata: {name: a}
status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}
"""


def snapshot(folder: Path, text: str) -> str:
    (folder / "cluster").mkdir()
    (folder / "cluster" / "all.yaml").write_text(text)
    (folder / "nodes" / "a").mkdir(parents=True)
    chains = ":INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
    (folder / "nodes" / "a" / "iptables-save").write_text(f"*filter\n{chains}COMMIT\n")
    return str(folder)


def test_without_any_node_nothing_is_known_of_them(tmp_path: Path) -> None:
    report = verify(snapshot(tmp_path, POLICY), VerifyOptions())
    reasons = {reason for question in report.nodes[0].questions for reason in question.reasons}
    assert report.answer is Answer.UNDECIDED
    assert "policies select nodes, and no Node was read" in reasons


def test_with_nodes_their_addresses_are(tmp_path: Path) -> None:
    report = verify(snapshot(tmp_path, POLICY + NODE), VerifyOptions())
    assert report.answer is Answer.PROVED
