"""The cluster as the API server would print it: who is where, with which labels.

Spec: specs/policies/network_policy.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from verifier.model.fields import NAMESPACE_NAME, SERVICE_ACCOUNT_NAME, Label, Scope
from verifier.model.origin import Origin
from verifier.model.policy import Policy, Tier
from verifier.model.predicate import Declared, Range


@dataclass(frozen=True, slots=True)
class ContainerPort:
    """A port that a regular container declares."""

    name: str
    protocol: int
    number: int


@dataclass(frozen=True, slots=True, eq=False)
class Namespace:
    """A namespace; `labels` always hold its name under NAMESPACE_NAME."""

    name: str
    labels: Mapping[str, str]
    origin: Origin


@dataclass(frozen=True, slots=True, eq=False)
class Pod:
    """A pod. `addresses` are the integers of status.podIPs by family; `node` is spec.nodeName, "" where unscheduled.

    `ports` are those of the regular containers in their order, `sidecar_ports` those of restartable init containers.
    """

    namespace: str
    name: str
    labels: Mapping[str, str]
    addresses: Mapping[int, int]
    node: str
    host_network: bool
    phase: str
    ports: tuple[ContainerPort, ...]
    origin: Origin
    service_account: str = "default"
    sidecar_ports: tuple[ContainerPort, ...] = ()

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def has_traffic(self) -> bool:
        """Whether policies can see its traffic: it has an address of its own and has not finished (NP-29, NP-56)."""
        return bool(self.addresses) and not self.host_network and not self.finished

    @property
    def finished(self) -> bool:
        """Whether none of its containers runs any more or ever will."""
        return self.phase in ("Succeeded", "Failed")

    def ports_named(self, name: str, protocol: int, declared: Declared) -> tuple[int, ...]:
        """The numbers that the pod gives a port's name (NP-45, NP-48)."""
        ports = self.sidecar_ports if declared is Declared.SIDECAR else self.ports
        numbers = tuple(port.number for port in ports if (port.name, port.protocol) == (name, protocol))
        return numbers[:1] if declared is Declared.FIRST else numbers


@dataclass(frozen=True, slots=True, eq=False)
class Guest:
    """A pod that can be elsewhere: its addresses are only handles; `at` has by family the handle and an address like its own."""

    pod: Pod
    at: Mapping[int, tuple[int, int]]


@dataclass(frozen=True, slots=True, eq=False)
class ServiceAccount:
    """A service account, for its labels."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    origin: Origin

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class NetworkSet:
    """Networks that carry labels together; `namespace` is "" where it belongs to none.

    `networks` holds ranges of addresses by family.
    """

    kind: str
    namespace: str
    name: str
    labels: Mapping[str, str]
    networks: Mapping[int, tuple[Range, ...]]
    origin: Origin


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A node; `addresses` are the integers of its status.addresses (family, value)."""

    name: str
    addresses: tuple[tuple[int, int], ...]
    origin: Origin
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class EndpointSlice:
    """Endpoints of a Service, `service` ("" for none) by its name: addresses (family, value), each on all of the ports.

    `ports` holds pairs of protocol and number; a port without a number is none of them.
    """

    namespace: str
    name: str
    service: str
    addresses: tuple[tuple[int, int], ...]
    ports: tuple[tuple[int, int], ...]
    origin: Origin


@dataclass(frozen=True, slots=True)
class ServicePort:
    """A port of a Service; `node_port` is the port of every node that stands for it, 0 where there is none."""

    protocol: int
    number: int
    node_port: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """A Service: its name, its addresses (family, value) in the cluster and from outside, and its ports."""

    namespace: str
    name: str
    addresses: tuple[tuple[int, int], ...]
    origin: Origin
    external: tuple[tuple[int, int], ...] = ()
    ports: tuple[ServicePort, ...] = ()

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """What a Deployment, StatefulSet, ... would create: a pod template without addresses."""

    kind: str
    namespace: str
    name: str
    labels: Mapping[str, str]
    ports: tuple[ContainerPort, ...]
    host_network: bool
    replicas: int | None
    origin: Origin


@dataclass(frozen=True, slots=True, eq=False)
class Cluster:
    """Everything read from cluster/; `ignored` counts the kinds that were read past, by kind.

    `policies_known` is False where nothing that was read says which policies there are, not even an empty List;
    `unlabelled` names the namespaces of pods whose own object, and so whose labels, was not read. `anywhere` are pods that
    stand for all of their kind, at all addresses that nothing tells apart (FA-2). What is read has none.
    `converted` are conversions of NetworkPolicies into another kind, which decide nothing beside them. With
    `every_protocol` some pod that is not told is selected by a policy that speaks of every protocol (AS-18).
    """

    namespaces: Mapping[str, Namespace] = field(default_factory=dict)
    pods: tuple[Pod, ...] = ()
    nodes: Mapping[str, Node] = field(default_factory=dict)
    services: tuple[Service, ...] = ()
    workloads: tuple[Workload, ...] = ()
    tiers: tuple[Tier, ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)
    policies_known: bool = True
    unlabelled: frozenset[str] = frozenset()
    service_accounts: Mapping[str, ServiceAccount] = field(default_factory=dict)
    network_sets: tuple[NetworkSet, ...] = ()
    anywhere: tuple[Guest, ...] = ()
    converted: tuple[Policy, ...] = ()
    every_protocol: bool = False

    def namespace_labels(self, name: str) -> Mapping[str, str]:
        """The labels of a namespace; of one that was not read, its name."""
        known = self.namespaces.get(name)
        return known.labels if known else {NAMESPACE_NAME: name}

    def account_labels(self, pod: Pod) -> Mapping[str, str]:
        """The labels of a pod's service account; of one that was not read, its name."""
        known = self.service_accounts.get(f"{pod.namespace}/{pod.service_account}")
        return {**(known.labels if known else {}), SERVICE_ACCOUNT_NAME: pod.service_account}

    def label(self, pod: Pod, label: Label) -> str | None:
        """The value that a pod has for a label, None where it is absent."""
        if label.scope is Scope.POD:
            return pod.labels.get(label.key)
        if label.scope is Scope.NAMESPACE:
            return self.namespace_labels(pod.namespace).get(label.key)
        return self.account_labels(pod).get(label.key) if label.scope is Scope.SERVICE_ACCOUNT else None
