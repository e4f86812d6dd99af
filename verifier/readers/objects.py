"""Kubernetes objects that are no policies -> namespaces, nodes, pods, services and workloads.

Spec: specs/policies/network_policy.md (NP-26, NP-29, NP-36, NP-48, NP-56)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from verifier.model.addresses import parse_address
from verifier.model.cluster import (
    ContainerPort,
    EndpointSlice,
    Namespace,
    NetworkSet,
    Node,
    Pod,
    Service,
    ServiceAccount,
    ServicePort,
    Workload,
)
from verifier.model.document import Part, shown
from verifier.model.fields import NAMESPACE_NAME, SCTP, TCP, UDP
from verifier.model.policy import Tier
from verifier.policies.calico_policy import CRD_API, GROUPS, V3_API
from verifier.policies.tiers import read_tier
from verifier.readers.calico_endpoints import (
    HostEndpoint,
    Profile,
    Settings,
    WorkloadEndpoint,
    read_cluster_information,
    read_felix_configuration,
    read_host_endpoint,
    read_ip_pool,
    read_profile,
    read_workload_endpoint,
)
from verifier.readers.calico_objects import read_network_set

ClusterObject: TypeAlias = (
    EndpointSlice | Namespace | NetworkSet | Node | Pod | Service | ServiceAccount | Tier | Workload | HostEndpoint | Profile | Settings
    | WorkloadEndpoint
)  # fmt: skip

DEFAULT_NAMESPACE = "default"
SERVICE_NAME = "kubernetes.io/service-name"
"""The label by which a slice says of which Service its endpoints are."""
_NAME = re.compile(r"[a-z0-9A-Z]([-a-z0-9A-Z_.:]{0,251}[a-z0-9A-Z])?")
_PROTOCOLS = {"TCP": TCP, "UDP": UDP, "SCTP": SCTP}
_NOT_ADDRESSES = ("Hostname", "InternalDNS", "ExternalDNS")


@dataclass(frozen=True, slots=True)
class ObjectKind:
    """A kind that is read: its name, the API version whose fields are understood, and how to read it.

    `groups` are the API groups in which the kind has ever lived: the same object in another version is refused,
    a kind of this name in any other group is another kind. `other_apis` are versions of the same fields.
    """

    name: str
    api: str
    groups: tuple[str, ...]
    read: Callable[[Part], ClusterObject]
    other_apis: tuple[str, ...] = ()


def full_name(document: Part, namespaced: bool = True) -> tuple[str, str]:
    """Namespace and name of an object; the namespace is "" for kinds that have none (NP-3)."""
    metadata = document.child("metadata")
    name = metadata.text("name")
    if not _NAME.fullmatch(name):
        problem = f"expected the object's name, found {shown(name or None)}"
        raise metadata.fault("name", problem, "give it a name of letters, digits, '-' and '.'")
    if not namespaced:
        return "", name
    namespace = metadata.text("namespace") or DEFAULT_NAMESPACE
    if not _NAME.fullmatch(namespace):
        raise metadata.fault("namespace", f"expected a namespace, found {shown(namespace)}", "correct its name")
    return namespace, name


def read_namespace(document: Part) -> Namespace:
    """A Namespace; its name is always among its labels (NP-26)."""
    _, name = full_name(document, namespaced=False)
    return Namespace(name, namespace_labels(name, document.child("metadata").text_map("labels")), document.origin)


def namespace_labels(name: str, labels: dict[str, str]) -> dict[str, str]:
    """The labels of a namespace with the one that the API server sets itself."""
    return {**labels, NAMESPACE_NAME: name}


def read_node(document: Part) -> Node:
    """A Node with its labels and the addresses of its status; host names are left out."""
    _, name = full_name(document, namespaced=False)
    addresses = [
        _address(entry, "address")
        for entry in document.child("status").parts("addresses")
        if entry.text("type") not in _NOT_ADDRESSES
    ]
    labels = document.child("metadata").text_map("labels")
    return Node(name, tuple(dict.fromkeys(addresses)), document.origin, labels)


def read_pod(document: Part) -> Pod:
    """A Pod with the addresses of its status (NP-36) and the ports of its containers (NP-48)."""
    namespace, name = full_name(document)
    spec, status = document.child("spec"), document.child("status")
    return Pod(
        namespace,
        name,
        document.child("metadata").text_map("labels"),
        _pod_addresses(status),
        spec.text("nodeName"),
        spec.flag("hostNetwork"),
        status.text("phase"),
        _ports(spec),
        document.origin,
        spec.text("serviceAccountName") or "default",
        _sidecar_ports(spec),
    )


def _pod_addresses(status: Part) -> dict[int, int]:
    found: dict[int, int] = {}
    entries = [(entry, "ip") for entry in status.parts("podIPs")]
    if not entries and status.text("podIP"):
        entries = [(status, "podIP")]
    for entry, key in entries:
        if not entry.text(key):
            continue
        family, address = _address(entry, key)
        if found.setdefault(family, address) != address:
            problem = f"a second IPv{family} address, {shown(entry.text(key))}"
            raise entry.fault(key, problem, "a pod has at most one address of each family; correct the status")
    return found


def read_service(document: Part) -> Service:
    """A Service with its addresses and ports; a headless one has no address."""
    namespace, name = full_name(document)
    spec = document.child("spec")
    texts = spec.texts("clusterIPs") or [spec.text("clusterIP")]
    addresses = [_parsed(spec, "clusterIPs", text) for text in texts if text not in ("", "None")]
    external = [_parsed(spec, "externalIPs", text) for text in spec.texts("externalIPs")]
    balancer = document.child("status").child("loadBalancer")
    entries = balancer.parts("ingress") if balancer.entries.get("ingress") else ()
    external += [_address(entry, "ip") for entry in entries if entry.text("ip")]
    ports = tuple(_service_port(port) for port in (spec.parts("ports") if spec.entries.get("ports") else ()))
    return Service(
        namespace, name, tuple(dict.fromkeys(addresses)), document.origin, tuple(dict.fromkeys(external)), ports
    )


def _service_port(port: Part) -> ServicePort:
    protocol = _PROTOCOLS.get(port.text("protocol") or "TCP")
    if protocol is None:
        problem = f"expected TCP, UDP or SCTP, found {shown(port.text('protocol'))}"
        raise port.fault("protocol", problem, "name one of the three")
    numbers = (port.number("port"), port.number("nodePort"))
    for key, number in zip(("port", "nodePort"), numbers, strict=True):
        if number is not None and not 0 <= number < 65536:
            raise port.fault(key, f"expected 1 to 65535, found {shown(number)}", "give the port's number")
    return ServicePort(protocol, numbers[0] or 0, numbers[1] or 0)


def read_service_account(document: Part) -> ServiceAccount:
    """A ServiceAccount, for its labels."""
    namespace, name = full_name(document)
    return ServiceAccount(namespace, name, document.child("metadata").text_map("labels"), document.origin)


def read_endpoint_slice(document: Part) -> EndpointSlice:
    """An EndpointSlice, of whatever state its endpoints are; those that are host names are left out."""
    namespace, name = full_name(document)
    service = document.child("metadata").text_map("labels").get(SERVICE_NAME, "")
    addresses = []
    for endpoint in document.parts("endpoints") if document.text("addressType") != "FQDN" else ():
        texts = endpoint.texts("addresses")
        addresses += [_parsed(endpoint, f"addresses[{index}]", text) for index, text in enumerate(texts)]
    ports = [_service_port(port) for port in document.parts("ports")]
    numbered = tuple((port.protocol, port.number) for port in ports if port.number)
    return EndpointSlice(namespace, name, service, tuple(dict.fromkeys(addresses)), numbered, document.origin)


def read_workload(document: Part) -> Workload:
    """A Deployment, StatefulSet, DaemonSet, ReplicaSet, Job or CronJob as the pods that it would create."""
    namespace, name = full_name(document)
    kind, spec = document.text("kind"), document.child("spec")
    owner = spec.child("jobTemplate").child("spec") if kind == "CronJob" else spec
    template = owner.child("template")
    replicas = spec.number("replicas")
    if replicas is None and kind in ("Deployment", "StatefulSet", "ReplicaSet"):
        replicas = 1
    return Workload(
        kind,
        namespace,
        name,
        template.child("metadata").text_map("labels"),
        _ports(template.child("spec")),
        template.child("spec").flag("hostNetwork"),
        replicas,
        document.origin,
    )


def _ports(spec: Part) -> tuple[ContainerPort, ...]:
    containers = spec.parts("containers") if spec.entries.get("containers") else ()
    return tuple(port for container in containers for port in _container_ports(container))


def _sidecar_ports(spec: Part) -> tuple[ContainerPort, ...]:
    """The ports of init containers that run as long as the pod does."""
    containers = spec.parts("initContainers") if spec.entries.get("initContainers") else ()
    sidecars = (each for each in containers if each.text("restartPolicy") == "Always")
    return tuple(port for container in sidecars for port in _container_ports(container))


def _container_ports(container: Part) -> Iterator[ContainerPort]:
    if container.entries.get("ports"):
        for port in container.parts("ports"):
            protocol = _PROTOCOLS.get(port.text("protocol") or "TCP")
            number = port.number("containerPort")
            if protocol is None:
                problem = f"expected TCP, UDP or SCTP, found {shown(port.text('protocol'))}"
                raise port.fault("protocol", problem, "name one of the three")
            if number is None or not 0 < number < 65536:
                raise port.fault(
                    "containerPort", f"expected 1 to 65535, found {shown(number)}", "give the port's number"
                )
            yield ContainerPort(port.text("name"), protocol, number)


def _address(part: Part, key: str) -> tuple[int, int]:
    return _parsed(part, key, part.text(key))


def _parsed(part: Part, key: str, text: str) -> tuple[int, int]:
    try:
        return parse_address(text)
    except ValueError:
        raise part.fault(
            key, f"expected an IP address, found {shown(text)}", "write it like 10.0.0.1 or fd00::1"
        ) from None


OBJECT_KINDS = (
    ObjectKind("ClusterInformation", V3_API, GROUPS, read_cluster_information, (CRD_API,)),
    ObjectKind("CronJob", "batch/v1", ("batch",), read_workload),
    ObjectKind("DaemonSet", "apps/v1", ("apps", "extensions"), read_workload),
    ObjectKind("Deployment", "apps/v1", ("apps", "extensions"), read_workload),
    ObjectKind("EndpointSlice", "discovery.k8s.io/v1", ("discovery.k8s.io",), read_endpoint_slice),
    ObjectKind("FelixConfiguration", V3_API, GROUPS, read_felix_configuration, (CRD_API,)),
    ObjectKind("GlobalNetworkSet", V3_API, GROUPS, read_network_set, (CRD_API,)),
    ObjectKind("HostEndpoint", V3_API, GROUPS, read_host_endpoint, (CRD_API,)),
    ObjectKind("IPPool", V3_API, GROUPS, read_ip_pool, (CRD_API,)),
    ObjectKind("Job", "batch/v1", ("batch", "extensions"), read_workload),
    ObjectKind("Namespace", "v1", ("",), read_namespace),
    ObjectKind("NetworkSet", V3_API, GROUPS, read_network_set, (CRD_API,)),
    ObjectKind("Node", "v1", ("",), read_node),
    ObjectKind("Pod", "v1", ("",), read_pod),
    ObjectKind("Profile", V3_API, GROUPS, read_profile, (CRD_API,)),
    ObjectKind("ReplicaSet", "apps/v1", ("apps", "extensions"), read_workload),
    ObjectKind("Service", "v1", ("",), read_service),
    ObjectKind("ServiceAccount", "v1", ("",), read_service_account),
    ObjectKind("StatefulSet", "apps/v1", ("apps",), read_workload),
    ObjectKind("Tier", V3_API, GROUPS, read_tier, (CRD_API,)),
    ObjectKind("WorkloadEndpoint", V3_API, GROUPS, read_workload_endpoint, (CRD_API,)),
)
