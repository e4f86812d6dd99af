"""Objects of Calico that are no policies: profiles, endpoints and settings.

Spec: specs/calico_objects.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from verifier.model.cluster import ContainerPort, Pod
from verifier.model.document import Part, shown
from verifier.model.fields import SCTP, TCP, UDP
from verifier.model.origin import Origin
from verifier.model.predicate import Range
from verifier.policies.calico_fields import network
from verifier.policies.calico_metadata import Metadata, metadata
from verifier.policies.calico_selector import SERVICE_ACCOUNT
from verifier.policies.selectors import only_fields
from verifier.readers.calico_objects import DEFAULT_NAMESPACE, RESERVED, own_labels

NAMESPACE_PROFILE, ACCOUNT_PROFILE = "kns.", "ksa."
_PROTOCOLS: dict[object, int] = {"TCP": TCP, "UDP": UDP, "SCTP": SCTP, TCP: TCP, UDP: UDP, SCTP: SCTP}
_DIRECTIONS = ("ingress", "egress")


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A profile: the labels that endpoints inherit from it."""

    name: str
    labels: Mapping[str, str]
    origin: Origin


@dataclass(frozen=True, slots=True, eq=False)
class HostEndpoint:
    """An interface of a node: its own labels, the addresses expected there, its profiles and its named ports."""

    name: str
    labels: Mapping[str, str]
    networks: Mapping[int, tuple[Range, ...]]
    profiles: tuple[str, ...]
    ports: tuple[ContainerPort, ...]
    origin: Origin


@dataclass(frozen=True, slots=True, eq=False)
class WorkloadEndpoint:
    """The endpoint of a pod, as the pod that it was made of."""

    namespace: str
    name: str
    pod: Pod
    origin: Origin


@dataclass(frozen=True, slots=True, eq=False)
class Settings:
    """Settings that change what nodes do, not what policies mean; `notes` are sentences on those that matter."""

    name: str
    notes: tuple[str, ...]
    origin: Origin


def read_profile(document: Part) -> Profile:
    """A profile (CRO-1, CRO-2); those of namespaces and service accounts have the rules that Calico gives them."""
    only_fields(document.child("spec"), *_DIRECTIONS, "labelsToApply")
    name, spec = _called(document).name, document.child("spec")
    for direction in _DIRECTIONS:
        rules = list(spec.parts(direction)) if spec.entries.get(direction) else []
        if name.startswith(NAMESPACE_PROFILE) and [dict(rule.entries) for rule in rules] not in _ALLOWING_ALL:
            problem = "the profile of a namespace allows everything, and this one does not"
            raise spec.fault(direction, problem, "print it with calicoctl from a cluster of Kubernetes")
        if name.startswith(ACCOUNT_PROFILE) and rules:
            problem = "the profile of a service account has no rules, and this one has"
            raise spec.fault(direction, problem, "print it with calicoctl from a cluster of Kubernetes")
    return Profile(name, spec.text_map("labelsToApply"), document.origin)


_ALLOWING_ALL: list[list[dict[str, object]]] = [
    [{"action": "Allow"}],
    [{"action": "Allow", "source": {}, "destination": {}}],
    [{"action": "Allow", "destination": {}, "source": {}}],
]


def read_host_endpoint(document: Part) -> HostEndpoint:
    """An interface of a node (CRO-3)."""
    only_fields(document.child("spec"), "node", "interfaceName", "expectedIPs", "profiles", "ports")
    named, spec = _called(document), document.child("spec")
    networks: dict[int, list[Range]] = {}
    for index, text in enumerate(spec.texts("expectedIPs")):
        family, value = _address(spec, f"expectedIPs[{index}]", text)
        networks.setdefault(family, []).append((value, value))
    if not spec.text("node"):
        raise spec.fault("node", "expected the node of the endpoint, found nothing", "name its node")
    return HostEndpoint(
        named.name,
        own_labels(document, named.labels),
        {family: tuple(sorted(found)) for family, found in networks.items()},
        tuple(spec.texts("profiles")),
        _ports(spec),
        document.origin,
    )


def read_workload_endpoint(document: Part) -> WorkloadEndpoint:
    """The endpoint of a pod (CRO-4)."""
    named, spec = _called(document), document.child("spec")
    namespace, pod = document.child("metadata").text("namespace") or DEFAULT_NAMESPACE, spec.text("pod")
    if spec.text("orchestrator") != "k8s" or not pod:
        problem = f"expected the endpoint of a pod (orchestrator k8s), found {shown(spec.text('orchestrator') or None)}"
        raise spec.fault("orchestrator", problem, "only endpoints of Kubernetes are understood; remove it")
    labels = named.labels
    account = spec.text("serviceAccountName") or labels.get(SERVICE_ACCOUNT) or "default"
    for index, profile in enumerate(spec.texts("profiles")):
        if profile not in (f"{NAMESPACE_PROFILE}{namespace}", f"{ACCOUNT_PROFILE}{namespace}.{account}"):
            problem = f"expected the profiles of its namespace and service account, found {shown(profile)}"
            raise spec.fault(f"profiles[{index}]", problem, "rules of other profiles are not understood")
    addresses: dict[int, int] = {}
    for index, text in enumerate(spec.texts("ipNetworks")):
        family, value = _address(spec, f"ipNetworks[{index}]", text)
        addresses.setdefault(family, value)
    own = {key: value for key, value in labels.items() if key not in RESERVED}
    origin, node = document.origin, spec.text("node")
    made = Pod(namespace, pod, own, addresses, node, False, "", _ports(spec), origin, account)
    return WorkloadEndpoint(namespace, named.name, made, origin)


def read_ip_pool(document: Part) -> Settings:
    """A pool of addresses (CRO-5): it says where pods' addresses come from, and nothing of policies."""
    name, spec = _called(document).name, document.child("spec")
    network(spec, "cidr", spec.text("cidr"))
    return Settings(name, (), document.origin)


def read_cluster_information(document: Part) -> Settings:
    """What Calico says of the cluster (CRO-5): its release and its state."""
    return Settings(_called(document).name, (), document.origin)


def read_felix_configuration(document: Part) -> Settings:
    """Settings of Felix (CRO-5)."""
    name, spec = _called(document).name, document.child("spec")
    notes = []
    if spec.flag("bpfEnabled"):
        notes.append(f"FelixConfiguration {name} says bpfEnabled: policies are then applied by eBPF, not by iptables")
    if spec.text("nftablesMode") == "Enabled":
        notes.append(f"FelixConfiguration {name} says nftablesMode Enabled: policies are then in tables of nftables")
    return Settings(name, tuple(notes), document.origin)


def _called(document: Part) -> Metadata:
    found = metadata(document)
    if not found.name:
        problem = "expected the object's name, found nothing"
        raise document.child("metadata").fault("name", problem, "give it its name")
    return found


def _address(part: Part, key: str, text: str) -> tuple[int, int]:
    family, (first, last) = network(part, key, text)
    if first != last:
        raise part.fault(key, f"expected one address, found the network {shown(text)}", "write one address")
    return family, first


def _ports(spec: Part) -> tuple[ContainerPort, ...]:
    """The ports of an endpoint that have names."""
    found = []
    for port in spec.parts("ports") if spec.entries.get("ports") else ():
        written, number = port.entries.get("protocol"), port.number("port")
        protocol = _PROTOCOLS.get(written) if isinstance(written, str | int) else None
        if protocol is None:
            raise port.fault("protocol", f"expected TCP, UDP or SCTP, found {shown(written)}", "name one of the three")
        if number is None or not 0 < number < 65536:
            raise port.fault("port", f"expected 1 to 65535, found {shown(number)}", "give the port's number")
        if port.text("name"):
            found.append(ContainerPort(port.text("name"), protocol, number))
    return tuple(found)
