"""Objects of the cluster: what is read, what is counted, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.corpus_path import corpus
from verifier.model.cluster import Cluster, ContainerPort
from verifier.model.fields import NAMESPACE_NAME, SCTP, TCP, UDP
from verifier.model.origin import InputError, Origin
from verifier.readers.cluster import ClusterReader
from verifier.readers.documents import read_documents


def read(*texts: str) -> tuple[Cluster, list[str]]:
    """The cluster that files a.yaml, b.yaml, ... hold, and the notes on it."""
    reader = ClusterReader()
    for name, text in zip("abc", texts, strict=False):
        for document in read_documents(text, f"{name}.yaml"):
            reader.add(document)
    return reader.cluster(), list(reader.notes())


def pod(fields: str = "", metadata: str = "name: w, namespace: shop") -> str:
    return f"apiVersion: v1\nkind: Pod\nmetadata: {{{metadata}}}\n{fields}\n"


POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: shop
  labels:
    app: web
    env: prod
    annotations: 'yes'
    kind: List
    items: ''
spec:
  nodeName: node-a
  serviceAccountName: sa
  initContainers:
  - name: sidecar
    restartPolicy: Always
    ports:
    - containerPort: 9
      name: side
  containers:
  - name: main
    env:
    - {name: env, value: x}
    ports:
    - containerPort: 80
      name: http
    - containerPort: 53
      protocol: UDP
  - name: other
    ports:
    - {containerPort: 81, name: http}
    - {containerPort: 7, protocol: SCTP, name: sig}
  - name: none
status:
  phase: Running
  podIP: 10.0.0.1
  podIPs:
  - ip: 10.0.0.1
  - ip: fd00::1
"""


def test_a_pod() -> None:
    """Labels with any name, addresses by family, ports of the regular containers, node, phase, account."""
    [found] = read(POD)[0].pods
    assert found.full_name == "shop/web"
    assert found.labels == {"app": "web", "env": "prod", "annotations": "yes", "kind": "List", "items": ""}
    assert found.addresses == {4: 0x0A000001, 6: (0xFD << 120) + 1}
    assert (found.node, found.phase, found.host_network, found.service_account) == ("node-a", "Running", False, "sa")
    assert found.ports == (
        ContainerPort("http", TCP, 80),
        ContainerPort("", UDP, 53),
        ContainerPort("http", TCP, 81),
        ContainerPort("sig", SCTP, 7),
    )
    assert found.origin == Origin("a.yaml", 1)


def test_a_pod_with_nothing_said() -> None:
    """Everything but the name may be missing; the namespace is then default."""
    [found] = read(pod(metadata="name: w"))[0].pods
    assert (found.full_name, found.node, found.phase, found.ports) == ("default/w", "", "", ())
    assert (found.labels, found.addresses, found.host_network) == ({}, {}, False)


@pytest.mark.parametrize(
    ("status", "addresses"),
    [
        ("{podIP: 10.0.0.1}", {4: 0x0A000001}),
        ("{podIP: 'fd00::1', podIPs: []}", {6: (0xFD << 120) + 1}),
        ("{podIP: '', podIPs: [{ip: ''}]}", {}),
        ("{podIPs: [{ip: 10.0.0.1}, {ip: 10.0.0.1}]}", {4: 0x0A000001}),
        ("null", {}),
    ],
)
def test_addresses_of_a_pod(status: str, addresses: dict[int, int]) -> None:
    """podIPs count, podIP where they are missing."""
    assert read(pod(f"status: {status}"))[0].pods[0].addresses == addresses


def test_a_namespace_always_has_its_name_as_a_label() -> None:
    """The API server's own label is there with and without other labels, and cannot be another."""
    text = "apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop{}}}\n"
    for labels, expected in (
        ("", {}),
        (", labels: {team: a}", {"team": "a"}),
        (", labels: {kubernetes.io/metadata.name: x}", {}),
    ):
        cluster, notes = read(text.format(labels))
        assert cluster.namespaces["shop"].labels == {**expected, NAMESPACE_NAME: "shop"}
        assert not any("Namespace object" in note for note in notes)


def test_no_policy_is_known_only_where_something_says_so() -> None:
    """Without a policy and without an empty List nobody knows which policies there are."""
    for text, known in (
        (POD, False),
        (POD + "\n---\napiVersion: v1\nkind: List\nitems: []\n", True),
        (POD + "\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicyList\nitems: []\n", True),
        (POD + "\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {}\n", True),
    ):
        cluster, notes = read(text)
        assert cluster.policies_known is known
        assert any("which policies there are is not known" in note for note in notes) is not known


def test_a_namespace_that_only_pods_name_is_noted() -> None:
    """It exists with no label but its name, and somebody is told."""
    cluster, notes = read(POD)
    assert cluster.namespaces["shop"].labels == {NAMESPACE_NAME: "shop"}
    assert cluster.unlabelled == {"shop"}
    assert notes[-1] == "cluster/ has no Namespace object for shop: no label but its name is known"


def test_a_node_and_a_service() -> None:
    """Addresses of nodes without host names; cluster addresses of services, none for headless ones."""
    cluster, _ = read(
        "apiVersion: v1\nkind: Node\nmetadata: {name: n}\nstatus:\n  addresses:\n"
        "  - {type: Hostname, address: n.example}\n  - {type: InternalIP, address: 10.0.0.1}\n"
        "  - {type: ExternalIP, address: 'fd00::1'}\n  - {type: InternalDNS, address: 10.0.0.9}\n",
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {clusterIP: 10.96.0.1, clusterIPs: [10.96.0.1, 'fd00::1']}\n---\n"
        "apiVersion: v1\nkind: Service\nmetadata: {name: b}\nspec: {clusterIP: None, clusterIPs: [None]}\n---\n"
        "apiVersion: v1\nkind: Service\nmetadata: {name: c}\nspec: {clusterIP: 10.96.0.2}\n---\n"
        "apiVersion: v1\nkind: Service\nmetadata: {name: d}\nspec: {type: ExternalName}\n",
    )
    v6 = (0xFD << 120) + 1
    assert cluster.nodes["n"].addresses == ((4, 0x0A000001), (6, v6))
    assert [service.addresses for service in cluster.services] == [
        ((4, 0x0A600001), (6, v6)),
        (),
        ((4, 0x0A600002),),
        (),
    ]


TEMPLATE = (
    "template: {metadata: {labels: {a: b}}, spec: {hostNetwork: true, containers: [{ports: [{containerPort: 1}]}]}}"
)
WORKLOADS = [
    ("apps/v1", "Deployment", f"replicas: 3, {TEMPLATE}", 3),
    ("apps/v1", "Deployment", TEMPLATE, 1),
    ("apps/v1", "Deployment", f"replicas: 0, {TEMPLATE}", 0),
    ("apps/v1", "StatefulSet", TEMPLATE, 1),
    ("apps/v1", "ReplicaSet", TEMPLATE, 1),
    ("apps/v1", "DaemonSet", TEMPLATE, None),
    ("batch/v1", "Job", TEMPLATE, None),
    ("batch/v1", "CronJob", f"jobTemplate: {{spec: {{{TEMPLATE}}}}}", None),
]


@pytest.mark.parametrize(("api", "kind", "spec", "replicas"), WORKLOADS)
def test_workloads(api: str, kind: str, spec: str, replicas: int | None) -> None:
    """Each workload kind is read as the pods that it would create."""
    cluster, _ = read(f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: x, namespace: n}}\nspec: {{{spec}}}\n")
    [found] = cluster.workloads
    assert (found.kind, found.namespace, found.name, found.replicas) == (kind, "n", "x", replicas)
    assert (found.labels, found.ports, found.host_network) == ({"a": "b"}, (ContainerPort("", TCP, 1),), True)
    assert cluster.pods == ()


POLICY = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {podSelector: {}}\n"


def test_all_network_policies_are_one_tier() -> None:
    """Their tier denies what it selects and no rule matches; without policies there is none."""
    [tier] = read(POLICY, POLICY.replace("name: p", "name: q"))[0].tiers
    assert (tier.name, [policy.name for policy in tier.policies]) == ("default", ["default/p", "default/q"])
    assert tier.unmatched.value == "deny"
    assert read()[0].tiers == ()


LISTS = [
    "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n- {apiVersion: v1, kind: Pod, metadata: {name: b}}\n",
    "apiVersion: v1\nkind: PodList\nitems:\n- {metadata: {name: a}}\n- {metadata: {name: b}}\n",
    "apiVersion: v1\nkind: PodList\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n- {kind: Pod, metadata: {name: b}}\n",
    "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: PodList, items: [{metadata: {name: a}}]}\n- {apiVersion: v1, kind: Pod, metadata: {name: b}}\n",
    "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: b}\n",
]


@pytest.mark.parametrize("text", LISTS)
def test_lists_of_every_form(text: str) -> None:
    """List, typed lists whose items do or do not repeat their kind, lists in lists, several documents."""
    cluster, _ = read(text)
    assert [found.name for found in cluster.pods] == ["a", "b"]
    assert all(found.origin.line > 0 for found in cluster.pods)


def test_a_document_that_is_a_list_of_objects() -> None:
    """The first releases of calicoctl print several objects so; a list of anything else is no document."""
    cluster, _ = read("- apiVersion: v1\n  kind: Node\n  metadata: {name: a}\n- {apiVersion: v1, kind: ConfigMap}\n")
    assert [(node.name, node.origin.line) for node in cluster.nodes.values()] == [("a", 1)]
    assert cluster.ignored == {"ConfigMap": 1}
    for text in ("- a\n", "[]\n", "- {apiVersion: v1}\n"):
        with pytest.raises(InputError, match=r"expected a mapping \(a Kubernetes object or a List\), found a list"):
            read(text)


@pytest.mark.parametrize("items", ["items: []", "items: null", "items:", ""])
def test_an_empty_list_is_nothing(items: str) -> None:
    """`kubectl get` of nothing prints a List without items."""
    cluster, _ = read(f"apiVersion: v1\nkind: List\n{items}\n")
    assert (cluster.pods, cluster.ignored) == ((), {})


OTHERS = """\
{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: 1}}
---
{apiVersion: v1, kind: ConfigMap, metadata: [], spec: nonsense}
---
{apiVersion: crd.antrea.io/v1beta1, kind: NetworkPolicy, metadata: {name: default/x}, spec: {appliedTo: []}}
---
{apiVersion: example.com/v3, kind: NetworkPolicyList, items: [{metadata: {name: a}}, {kind: NetworkPolicy}]}
---
{apiVersion: example.com/v3, kind: NetworkPolicy}
---
{apiVersion: serving.knative.dev/v1, kind: Service}
---
{apiVersion: example.com/v1, kind: AllowList, spec: {items: []}}
---
{kind: Nothing}
"""


def test_other_kinds_are_counted() -> None:
    """Kinds that are not read, and other groups' kinds of the same name, are counted and never looked into."""
    cluster, _ = read(OTHERS)
    assert cluster.ignored == {
        "AllowList.example.com": 1,
        "ConfigMap": 2,
        "NetworkPolicy.crd.antrea.io": 1,
        "NetworkPolicy.example.com": 3,
        "Nothing": 1,
        "Service.serving.knative.dev": 1,
    }
    assert (cluster.services, cluster.tiers) == ((), ())


FAULTS: list[tuple[str, str, int]] = [
    ("kind: Pod\nmetadata: {name: a}", "expected apiVersion v1 for a Pod, found nothing", 1),
    ("apiVersion: v2\nkind: Pod", "expected apiVersion v1 for a Pod, found 'v2'", 1),
    ("apiVersion: extensions/v1beta1\nkind: NetworkPolicy", "expected apiVersion networking.k8s.io/v1 for a NetworkPolicy", 1),
    ("apiVersion: networking.k8s.io/v2\nkind: NetworkPolicy", "found 'networking.k8s.io/v2'", 1),
    ("apiVersion: apps/v1beta2\nkind: Deployment", "expected apiVersion apps/v1 for a Deployment", 1),
    ("apiVersion: batch/v1beta1\nkind: CronJob", "expected apiVersion batch/v1 for a CronJob", 1),
    ("apiVersion: extensions/v1beta1\nkind: NetworkPolicyList\nitems:\n- {metadata: {name: a}}", "expected apiVersion networking", 4),
    ("kind: NetworkPolicy\nmetadata: {name: a}", "expected apiVersion networking.k8s.io/v1 for a NetworkPolicy, found nothing", 1),
    ("apiVersion: v1\nkind: NetworkPolicy", "expected apiVersion networking.k8s.io/v1 for a NetworkPolicy, found 'v1'", 1),
    ("apiVersion: policy.k8s.io/v1\nkind: NetworkPolicy", "found 'policy.k8s.io/v1'", 1),
    ("apiVersion: v1\nkind: Deployment", "expected apiVersion apps/v1 for a Deployment, found 'v1'", 1),
    ("apiVersion: 1\nkind: Pod", "apiVersion: expected text, found the number 1", 1),
    ("apiVersion: v1", "expected the kind of a Kubernetes object, found nothing", 1),
    ("apiVersion: v1\nkind: [Pod]", "kind: expected text, found a list", 1),
    ("apiVersion: v1\nkind: List\nitems: {a: b}", "items: expected a list, found a mapping", 1),
    ("apiVersion: v1\nkind: List\nitems:\n- x", "items[0]: expected an object, found 'x'", 1),
    ("apiVersion: v1\nkind: List\nitems:\n- metadata: {name: x}", "expected the kind of a Kubernetes object", 4),
    ("apiVersion: v1\nkind: Pod", "metadata.name: expected the object's name, found nothing", 1),
    ("apiVersion: v1\nkind: Pod\nmetadata: {name: 'a b'}", "expected the object's name, found 'a b'", 3),
    (pod(metadata="name: a, namespace: '/'"), "metadata.namespace: expected a namespace, found '/'", 3),
    (pod(metadata="name: a, labels: {a: 1}"), "metadata.labels.a: expected text, found the number 1", 3),
    (pod(metadata="name: a, labels: [a]"), "metadata.labels: expected a mapping, found a list", 3),
    (pod("spec: []"), "spec: expected a mapping, found a list", 1),
    (pod("spec: {hostNetwork: 'true'}"), "spec.hostNetwork: expected true or false, found 'true'", 4),
    (pod("spec: {containers: [{ports: [{containerPort: 0}]}]}"), "spec.containers[0].ports[0].containerPort: expected 1 to", 4),
    (pod("spec: {containers: [{ports: [{name: a}]}]}"), "containerPort: expected 1 to 65535, found nothing", 4),
    (pod("spec: {containers: [{ports: [{containerPort: 1, protocol: tcp}]}]}"), "expected TCP, UDP or SCTP, found 'tcp'", 4),
    (pod("spec: {containers: x}"), "spec.containers: expected a list, found 'x'", 4),
    (pod("status: {podIP: 10.0.0}"), "status.podIP: expected an IP address, found '10.0.0'", 4),
    (pod("status: {podIPs: [{ip: 10.0.0.1/32}]}"), "status.podIPs[0].ip: expected an IP address", 4),
    (pod("status: {podIPs: [{ip: 10.0.0.1}, {ip: 10.0.0.2}]}"), "podIPs[1].ip: a second IPv4 address, '10.0.0.2'", 4),
    ("apiVersion: v1\nkind: Node\nmetadata: {name: n}\nstatus: {addresses: [{type: InternalIP, address: x}]}", "expected an IP", 4),
    ("apiVersion: v1\nkind: Service\nmetadata: {name: n}\nspec: {clusterIP: x}", "expected an IP address, found 'x'", 4),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problem", "line"), FAULTS)
def test_what_is_no_object_is_one_located_error(text: str, problem: str, line: int) -> None:
    """Unknown versions, missing names and values of the wrong kind name file, line and field."""
    with pytest.raises(InputError) as caught:
        read(text)
    assert problem in caught.value.problem
    assert caught.value.remedy
    assert caught.value.origin == Origin("a.yaml", line)


SAME = [
    (pod("status: {podIP: 10.0.0.1}"), pod("status: {podIPs: [{ip: 10.0.0.1}]}")),
    (pod(), pod(metadata="namespace: shop, name: w, resourceVersion: '7'")),
    (POLICY, POLICY.replace("{podSelector: {}}", "{policyTypes: [Ingress]}")),
]


@pytest.mark.parametrize(("one", "two"), SAME)
def test_an_object_given_twice_with_one_meaning_is_one_object(one: str, two: str) -> None:
    """Two outputs of kubectl may hold the same object."""
    cluster, _ = read(one, two)
    assert len(cluster.pods) + sum(len(tier.policies) for tier in cluster.tiers) == 1


DIFFERENT = [
    (pod("status: {podIP: 10.0.0.1}"), pod("status: {podIP: 10.0.0.2}"), "Pod shop/w"),
    (pod(), pod(metadata="namespace: shop, name: w, labels: {a: b}"), "Pod shop/w"),
    (POLICY, POLICY.replace("{podSelector: {}}", "{ingress: [{}]}"), "NetworkPolicy default/p"),
    (POLICY, POLICY.replace("{podSelector: {}}", "{policyTypes: [Egress]}"), "NetworkPolicy default/p"),
]


@pytest.mark.parametrize(("one", "two", "name"), DIFFERENT)
def test_an_object_given_twice_with_two_meanings_is_an_error(one: str, two: str, name: str) -> None:
    """The error names both places."""
    with pytest.raises(InputError) as caught:
        read(one, two)
    assert f"a second {name}, different from the one at a.yaml:1" in caught.value.problem
    assert caught.value.origin == Origin("b.yaml", 1)


def plain_objects(value: Any) -> list[dict[str, Any]]:
    return [each for item in value["items"] for each in plain_objects(item)] if "items" in value else [value]


@pytest.mark.parametrize("scenario", ["calico/features-dual", "calico/shop-tiers", "kube-router/shop", "weave/scale"])
def test_the_corpus_against_a_literal_reading(scenario: str) -> None:
    """Pods and policies of a recorded cluster are exactly those that a plain loader sees."""
    reader = ClusterReader()
    expected: list[dict[str, Any]] = []
    for path in sorted(corpus(*scenario.split("/"), "cluster").glob("*.yaml")):
        text = path.read_text()
        for document in read_documents(text, str(path)):
            reader.add(document)
        expected += plain_objects(yaml.load(text, yaml.CSafeLoader))
    cluster = reader.cluster()
    pods = {
        (each["metadata"]["namespace"], each["metadata"]["name"]): each
        for each in expected
        if (each["apiVersion"], each["kind"]) == ("v1", "Pod")
    }
    policies = {
        f"{each['metadata']['namespace']}/{each['metadata']['name']}"
        for each in expected
        if (each["apiVersion"], each["kind"]) == ("networking.k8s.io/v1", "NetworkPolicy")
    }
    assert {(each.namespace, each.name): dict(each.labels) for each in cluster.pods} == {
        name: each["metadata"].get("labels", {}) for name, each in pods.items()
    }
    read_policies = [policy for tier in cluster.tiers for policy in tier.policies]
    assert policies == {policy.name for policy in read_policies if policy.kind == "NetworkPolicy"}
    assert policies
