"""How a NetworkPolicy was written is kept beside what it means."""

from __future__ import annotations

import pytest

from verifier.model.document import Part
from verifier.model.policy import Policy
from verifier.model.written import Requirement, WrittenBlock, WrittenPeer, WrittenPolicy, WrittenPort, WrittenSelector
from verifier.policies.kind import Shared
from verifier.policies.network_policy import MODULE
from verifier.readers.cluster import ClusterReader
from verifier.readers.documents import read_documents

POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: p
  namespace: shop
  creationTimestamp: '2026-01-01T00:00:00Z'
  generation: 3
  managedFields: [{manager: kubectl, time: '2026-02-01T00:00:00Z'}, {manager: other}]
spec:
  podSelector: {matchLabels: {b: y, a: x}, matchExpressions: [{key: c, operator: NotIn, values: [q, p]}]}
  ingress:
  - from:
    - podSelector: {}
    - {namespaceSelector: {matchLabels: {team: x}}, podSelector: {matchLabels: {a: ''}}}
    - ipBlock: {cidr: 10.0.0.1/8, except: [10.1.0.0/16]}
    ports: [{port: http}, {protocol: UDP, port: 1, endPort: 9}, {protocol: SCTP}]
  - {}
  egress:
  - ports: [{port: 53}]
  policyTypes: [Ingress]
"""


def read(text: str) -> Policy:
    [document] = read_documents(text, "p.yaml")
    return MODULE.translate(Part("p.yaml", "", document.entries), Shared())


def written(text: str) -> WrittenPolicy:
    found = read(text).written
    assert found is not None
    return found


def test_everything_that_names_are_computed_from_is_kept_as_written() -> None:
    policy = written(POLICY)
    assert (policy.namespace, policy.name) == ("shop", "p")
    assert policy.pods == WrittenSelector((("b", "y"), ("a", "x")), (Requirement("c", "NotIn", ("q", "p")),))
    first, second = policy.ingress
    assert first.peers == (
        WrittenPeer(pods=WrittenSelector()),
        WrittenPeer(WrittenSelector((("a", ""),)), WrittenSelector((("team", "x"),))),
        WrittenPeer(block=WrittenBlock("10.0.0.1/8", ("10.1.0.0/16",))),
    )
    assert first.ports == (WrittenPort("TCP", "http"), WrittenPort("UDP", 1, 9), WrittenPort("SCTP"))
    assert (second.peers, second.ports) == ((), ())
    assert policy.egress[0].ports == (WrittenPort("TCP", 53),)


def test_the_age_of_a_policy_is_what_its_metadata_say() -> None:
    policy = written(POLICY)
    assert (policy.created, policy.generation) == ("2026-01-01T00:00:00Z", 3)
    assert policy.changed == ("2026-02-01T00:00:00Z",)
    bare = written("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p}, spec: {}}")
    assert (bare.created, bare.generation, bare.changed) == ("", None, ())


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        (WrittenSelector(), ""),
        (WrittenSelector((("b", "y"), ("a", "x"))), "a=x,b=y"),
        (WrittenSelector((("c", "x"),), (Requirement("b", "In", ("q", "p")),)), "b in (p,q),c=x"),
        (WrittenSelector((), (Requirement("b", "In", ("p",)), Requirement("a", "NotIn", ("p",)))), "a notin (p),b in (p)"),
        (WrittenSelector((), (Requirement("b", "DoesNotExist"), Requirement("a", "Exists"))), "a,!b"),
        (WrittenSelector((("a", ""),)), "a="),
    ],
)  # fmt: skip
def test_a_selector_has_one_string_by_which_kubernetes_prints_it(selector: WrittenSelector, text: str) -> None:
    assert selector.canonical == text


def test_the_same_policy_written_in_other_words_is_no_second_policy() -> None:
    reader = ClusterReader()
    for text in (POLICY, POLICY.replace("values: [q, p]", "values: [p, q]").replace("generation: 3", "generation: 4")):
        for document in read_documents(text, "p.yaml"):
            reader.add(document)
    assert len(reader.cluster().tiers[0].policies) == 1
