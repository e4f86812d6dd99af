"""Calico's objects that are no policies: both forms of one object, what they add to the cluster, what is refused."""

from __future__ import annotations

import pytest

from tests.corpus_path import corpus
from verifier.model.cluster import Cluster
from verifier.model.fields import SCTP, TCP
from verifier.model.origin import InputError
from verifier.readers.cluster import ClusterReader
from verifier.readers.documents import read_documents


def read(*texts: str) -> tuple[Cluster, list[str]]:
    reader = ClusterReader()
    for number, text in enumerate(texts):
        for document in read_documents(text, f"{number}.yaml"):
            reader.add(document)
    return reader.cluster(), list(reader.notes())


def v3(kind: str, rest: str) -> str:
    return f"apiVersion: projectcalico.org/v3\nkind: {kind}\n{rest}\n"


HOST = "metadata: {name: a, labels: {role: host}}\nspec: {node: n, expectedIPs: [192.0.2.1]}"
STORED = (
    "apiVersion: crd.projectcalico.org/v1\nkind: HostEndpoint\nmetadata:\n  name: a\n  labels: {other: x}\n"
    '  annotations: {projectcalico.org/metadata: \'{"labels": {"role": "host"}}\'}\n'
    "spec: {node: n, expectedIPs: [192.0.2.1]}\n"
)
WORKLOAD = (
    "metadata: {name: n-k8s-p-eth0, namespace: s, labels: {app: p, projectcalico.org/namespace: s, "
    "projectcalico.org/orchestrator: k8s, projectcalico.org/serviceaccount: sa}}\n"
    "spec: {node: n, orchestrator: k8s, pod: p, ipNetworks: [10.0.0.2/32, 'fd00::2/128'], profiles: [kns.s, ksa.s.sa], "
    "ports: [{name: http, protocol: TCP, port: 80}, {name: x, protocol: 132, port: 7}, {hostPort: 1, protocol: UDP, port: 9}]}"
)
POD = "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: s}, spec: {nodeName: n}, status: {podIP: 10.0.0.3}}"


def test_both_forms_of_an_object_are_one() -> None:
    """The labels of a resource in the datastore are those that the annotation keeps."""
    [host] = read(v3("HostEndpoint", HOST), STORED)[0].network_sets
    assert (host.kind, host.namespace, host.name) == ("HostEndpoint", "", "a")
    assert (host.labels, host.networks) == ({"role": "host"}, {4: ((0xC0000201, 0xC0000201),)})


def test_another_object_of_the_same_name_is_refused() -> None:
    """Two different objects of one name cannot both be what the cluster has."""
    with pytest.raises(InputError, match=r"a second HostEndpoint a, different from the one at 0\.yaml:1"):
        read(v3("HostEndpoint", HOST), STORED.replace("192.0.2.1", "192.0.2.2"))


def test_an_endpoint_stands_for_a_pod_that_was_not_read() -> None:
    """Its labels without those that Calico gives, its addresses, and the ports that have names."""
    [pod] = read(v3("WorkloadEndpoint", WORKLOAD))[0].pods
    assert (pod.full_name, pod.node, pod.service_account, pod.labels) == ("s/p", "n", "sa", {"app": "p"})
    assert pod.addresses == {4: 0x0A000002, 6: 0xFD00 << 112 | 2}
    assert [(port.name, port.protocol, port.number) for port in pod.ports] == [("http", TCP, 80), ("x", SCTP, 7)]
    assert pod.has_traffic


def test_a_pod_that_was_read_is_as_it_was_read() -> None:
    """In whatever order the two are read."""
    for texts in ((POD, v3("WorkloadEndpoint", WORKLOAD)), (v3("WorkloadEndpoint", WORKLOAD), POD)):
        [pod] = read(*texts)[0].pods
        assert (pod.labels, pod.addresses) == ({}, {4: 0x0A000003})


def test_profiles_say_labels_that_nobody_else_says() -> None:
    """Of namespaces and service accounts; what is in a namespace without both is told."""
    profiles = v3("Profile", "metadata: {name: kns.s}\nspec: {labelsToApply: {pcns.team: a, other: b}, ingress: [{action: Allow}], egress: [{action: Allow}]}")  # fmt: skip
    account = v3("Profile", "metadata: {name: ksa.s.sa.b}\nspec: {labelsToApply: {pcsa.role: x, pcsa.projectcalico.org/name: sa.b}}")  # fmt: skip
    cluster, notes = read(POD, profiles, account, v3("NetworkSet", "metadata: {name: x, namespace: t}\nspec: {}"))
    assert cluster.namespace_labels("s") == {"team": "a", "kubernetes.io/metadata.name": "s"}
    assert cluster.service_accounts["s/sa.b"].labels == {"role": "x"}
    assert cluster.unlabelled == {"t"}
    assert "cluster/ has no Namespace object for t: no label but its name is known" in notes
    own = "{apiVersion: v1, kind: Namespace, metadata: {name: s, labels: {team: own}}}"
    assert read(own, profiles)[0].namespace_labels("s")["team"] == "own"


def test_settings_that_take_policies_out_of_iptables_are_told() -> None:
    """Others are read and say nothing."""
    said = "metadata: {name: default}\nspec: {bpfEnabled: true, nftablesMode: Enabled}"
    notes = read(v3("FelixConfiguration", said))[1]
    assert [note.partition(":")[0] for note in notes if "Felix" in note] == [
        "FelixConfiguration default says bpfEnabled",
        "FelixConfiguration default says nftablesMode Enabled",
    ]
    assert not [note for note in read(v3("FelixConfiguration", "metadata: {name: default}"))[1] if "Felix" in note]


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("{apiVersion: v1, kind: List, items: []}", True),
        ("{apiVersion: networking.k8s.io/v1, kind: NetworkPolicyList, items: []}", True),
        (v3("NetworkPolicyList", "items: []"), False),
        (v3("GlobalNetworkSetList", "items: []"), False),
        ("{apiVersion: v1, kind: PodList, items: []}", False),
    ],
)
def test_which_empty_lists_say_that_there_are_no_policies(text: str, known: bool) -> None:
    """One of other objects does not."""
    assert read(text)[0].policies_known is known


REFUSED = [
    ("HostEndpoint", "metadata: {name: a}\nspec: {expectedIPs: []}", "spec.node: expected the node of the endpoint"),
    ("HostEndpoint", "metadata: {name: a}\nspec: {node: n, expectedIPs: [10.0.0.0/8]}", "spec.expectedIPs[0]: expected one address, found the network '10.0.0.0/8'"),
    ("HostEndpoint", "metadata: {name: a}\nspec: {node: n, expectedIPs: [web]}", "spec.expectedIPs[0]: expected a network, found 'web'"),
    ("HostEndpoint", "metadata: {name: a}\nspec: {node: n, ports: [{name: x, protocol: ICMP, port: 1}]}", "spec.ports[0].protocol: expected TCP, UDP or SCTP"),
    ("HostEndpoint", "metadata: {name: a}\nspec: {node: n, ports: [{name: x, protocol: TCP}]}", "spec.ports[0].port: expected 1 to 65535, found nothing"),
    ("HostEndpoint", "metadata: {}\nspec: {node: n}", "metadata.name: expected the object's name"),
    ("HostEndpoint", "metadata: {name: a, labels: {projectcalico.org/namespace: x}}\nspec: {node: n}", "is a label that Calico gives"),
    ("HostEndpoint", "metadata: {name: a}\nspec: {node: n, expectedIP: [10.0.0.1]}", "spec.expectedIP: no such field (is expectedIPs meant?)"),
    ("Profile", "metadata: {name: a}\nspec: {labels: {a: b}}", "spec.labels: no such field"),
    ("WorkloadEndpoint", "metadata: {name: a}\nspec: {orchestrator: k8s}", "spec.orchestrator: expected the endpoint of a pod"),
    ("WorkloadEndpoint", "metadata: {name: a}\nspec: {orchestrator: k8s, pod: p, profiles: [mine]}", "spec.profiles[0]: expected the profiles of its namespace"),
    ("IPPool", "metadata: {name: a}\nspec: {}", "spec.cidr: expected a network, found nothing"),
    ("FelixConfiguration", "metadata: {name: a}\nspec: {bpfEnabled: 'yes'}", "spec.bpfEnabled: expected true or false, found 'yes'"),
]  # fmt: skip


def test_endpoints_of_services_that_are_no_addresses_are_refused() -> None:
    """Unless the slice says that they are names."""
    text = "{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{name: a}}, addressType: {}, endpoints: [{{addresses: [web]}}]}}"
    read(text.format("FQDN"))
    with pytest.raises(InputError, match=r"endpoints\[0\]\.addresses\[0\]: expected an IP address, found 'web'"):
        read(text.format("IPv4"))


@pytest.mark.parametrize(("kind", "rest", "problem"), REFUSED)
def test_refusals(kind: str, rest: str, problem: str) -> None:
    """One error, with the field."""
    with pytest.raises(InputError) as caught:
        read(v3(kind, rest))
    assert problem in str(caught.value)


def test_endpoints_of_a_recording_are_its_pods() -> None:
    """What calicoctl prints of the endpoints says the same as the pods themselves."""
    folder = corpus() / "calico" / "shop-tiers" / "cluster"
    alone = read((folder / "calicoctl-workloadendpoint.yaml").read_text("utf-8"))[0]
    pods = read((folder / "pods.yaml").read_text("utf-8"))[0].pods
    known = {pod.full_name: pod for pod in pods if not pod.host_network}
    assert {pod.full_name for pod in alone.pods} == set(known)
    for pod in alone.pods:
        twin = known[pod.full_name]
        assert (pod.labels, pod.node) == (twin.labels, twin.node)
        assert twin.finished or pod.addresses == twin.addresses
