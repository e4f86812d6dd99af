"""Random sets of NetworkPolicies, imaginable packets between ends of a small vocabulary, and what the reference says of them."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from verifier.model.addresses import parse_address
from verifier.model.assumption import defaults
from verifier.model.cluster import Cluster, ContainerPort, Namespace, Pod
from verifier.model.fields import NAMESPACE_NAME, SCTP, TCP, UDP, End, Scope
from verifier.model.finding import Kind
from verifier.model.layer import FreeBox, FreeEnd, Side, Values
from verifier.model.node import NodeState
from verifier.model.origin import Origin
from verifier.model.packet import Packet
from verifier.model.policy import Direction
from verifier.readers.cluster import ClusterReader
from verifier.readers.documents import read_documents
from verifier.reference.policies import judge, perhaps, surely
from verifier.reference.view import view_of

ORIGIN = Origin("imagined")
NAMESPACES = ("shop", "ops", "elsewhere")
LABELS = {"app": ("web", "db", "else"), "tier": ("", "front")}
NAMESPACE_LABELS = {"team": ("a", "b", "else")}
ADDRESSES = ("10.0.0.1", "10.0.0.77", "10.0.1.9", "192.0.2.1", "fd00::1", "fd01::1")
BLOCKS = ("10.0.0.0/24", "10.0.0.64/26", "10.0.0.0/23", "0.0.0.0/0", "fd00::/64", "::/0")
PORTS: tuple[dict[str, Any], ...] = (
    {"port": 80}, {"port": 80, "endPort": 90}, {"port": 81, "protocol": "UDP"}, {"protocol": "SCTP"}, {"port": "http"}, {},
)  # fmt: skip
NUMBERS = (79, 80, 81, 90, 91)


def selector(random: Random, vocabulary: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """A label selector of a few requirements."""
    key = random.choice(sorted(vocabulary))
    values = sorted(random.sample(vocabulary[key][:2], random.randint(1, 2)))
    operator = random.choice(["In", "NotIn", "Exists", "DoesNotExist", "labels", "nothing"])
    if operator == "nothing":
        return {}
    if operator == "labels":
        return {"matchLabels": {key: values[0]}}
    wanted = {"values": values} if operator in ("In", "NotIn") else {}
    return {"matchExpressions": [{"key": key, "operator": operator, **wanted}]}


def peer(random: Random) -> dict[str, Any]:
    """A block, or pods by their labels, their namespace's, or both."""
    if random.random() < 0.3:
        cidr = random.choice(BLOCKS)
        holes = {"10.0.0.0/24": ["10.0.0.64/26"], "0.0.0.0/0": ["10.0.0.0/24"]}.get(cidr, [])
        return {"ipBlock": {"cidr": cidr, **({"except": holes} if holes and random.random() < 0.5 else {})}}
    given = {"podSelector": selector(random, LABELS), "namespaceSelector": selector(random, NAMESPACE_LABELS)}
    kept = random.choice([("podSelector",), ("namespaceSelector",), ("podSelector", "namespaceSelector")])
    return {key: given[key] for key in kept}


def policy(random: Random, name: str) -> dict[str, Any]:
    """A policy of one of the first two namespaces."""
    spec: dict[str, Any] = {"podSelector": selector(random, LABELS), "policyTypes": []}
    for direction, side in (("Ingress", "from"), ("Egress", "to")):
        if random.random() < 0.6:
            spec["policyTypes"].append(direction)
            rules = [
                {
                    side: [peer(random) for _ in range(random.randint(0, 2))],
                    "ports": [random.choice(PORTS) for _ in range(random.randint(0, 2))],
                }
                for _ in range(random.randint(0, 2))
            ]
            spec[direction.lower()] = rules
    metadata = {"name": name, "namespace": random.choice(NAMESPACES[:2])}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def changed(random: Random, written: dict[str, Any]) -> dict[str, Any]:
    """The policy with one of its parts drawn anew."""
    other = copy.deepcopy(written)
    spec = other["spec"]
    rules = [(rule, side) for way, side in (("ingress", "from"), ("egress", "to")) for rule in spec.get(way, ())]
    if not rules or random.random() < 0.2:
        spec["podSelector"] = selector(random, LABELS)
        return other
    rule, side = random.choice(rules)
    if random.random() < 0.5:
        rule["ports"] = [random.choice(PORTS) for _ in range(random.randint(0, 2))]
    else:
        rule[side] = [*rule[side][1:], peer(random)]
    return other


def side(name: str, policies: list[dict[str, Any]]) -> Side:
    """Policies as the ordinary reader reads them."""
    reader = ClusterReader()
    for document in read_documents(json.dumps({"apiVersion": "v1", "kind": "List", "items": policies}), f"{name}.json"):
        reader.add(document)
    cluster = reader.cluster()
    return Side(name, cluster.tiers, cluster.network_sets)


@dataclass(frozen=True, slots=True)
class Imaginable:
    """A packet between the ends of a cluster that has nothing else."""

    cluster: Cluster
    packet: Packet

    def allowed(self, side: Side, direction: Direction, *, wide: bool) -> bool:
        """What the reference says that a side allows."""
        view = view_of(NodeState("", {}), replace(self.cluster, tiers=side.tiers, network_sets=side.network_sets))
        return judge(self.packet, view.cluster, direction, view, (perhaps if wide else surely)(defaults())).allowed

    def differs(self, sides: tuple[Side, Side], kind: Kind, direction: Direction) -> bool:
        """Whether the sides differ so, however what the API leaves open is read."""
        leak = kind is Kind.LEAK
        first = self.allowed(sides[0], direction, wide=leak)
        return first is not leak and self.allowed(sides[1], direction, wide=not leak) is leak

    def is_in(self, box: FreeBox) -> bool:
        """Whether a box of a region holds the packet."""
        packet = self.packet
        pods = {pod.addresses[packet.family]: pod for pod in self.cluster.pods}
        ends = ((box.source, packet.source), (box.destination, packet.destination))
        if not all(self._end(end, address, pods.get(address)) for end, address in ends):
            return False
        if box.services is not None and not any(
            packet.protocol in each.protocols
            and any(first <= packet.destination_port <= last for first, last in each.destination_ports)
            and any(first <= packet.source_port <= last for first, last in each.source_ports)
            for each in box.services
        ):
            return False
        for each in box.names:
            pod = pods.get(packet.destination if each.end is End.DESTINATION else packet.source)
            port = packet.destination_port if each.end is End.DESTINATION else packet.source_port
            numbers = () if pod is None else pod.ports_named(each.name, each.protocol, each.declared)
            here = packet.protocol == each.protocol and port in numbers
            if here is not each.holds:
                return False
        return True

    def _end(self, end: FreeEnd, address: int, pod: Pod | None) -> bool:
        known = dict(end.addresses) if end.addresses is not None else None
        if known is not None and not any(a <= address <= b for a, b in known.get(self.packet.family, ())):
            return False
        return all(_has(values, self._value(scope, key, pod)) for scope, key, values in end.labels)

    def _value(self, scope: Scope, key: str, pod: Pod | None) -> str | None:
        if pod is None:
            return None
        return (pod.labels if scope is Scope.POD else self.cluster.namespaces[pod.namespace].labels).get(key)


def _has(values: Values, value: str | None) -> bool:
    if value is None:
        return values.absent
    if value in values.named or value in values.excluded or not values.texts:
        return value in values.named or (values.others and value not in values.excluded)
    return any(all(each.test.holds(value, each.text) is holds for each, holds in tests) for tests in values.texts)


def packet(random: Random) -> Imaginable:
    """A packet between ends drawn from the vocabulary."""
    source, destination = random.sample(ADDRESSES, 2)
    while parse_address(source)[0] != parse_address(destination)[0]:
        source, destination = random.sample(ADDRESSES, 2)
    family, first = parse_address(source)
    _, second = parse_address(destination)
    spaces = {name: Namespace(name, _namespace_labels(random, name), ORIGIN) for name in NAMESPACES}
    number = random.choice(NUMBERS)
    ports = (ContainerPort("http", TCP, random.choice(NUMBERS)),)
    pods = tuple(
        Pod(
            random.choice(NAMESPACES),
            name,
            _labels(random, LABELS),
            {family: address},
            "",
            False,
            "Running",
            ports,
            ORIGIN,
        )
        for name, address in (("source", first), ("destination", second))
        if random.random() < 0.85
    )
    return Imaginable(
        Cluster(spaces, pods),
        Packet(family, first, second, random.choice((TCP, UDP, SCTP)), random.choice((80, 40000)), number),
    )


def _labels(random: Random, vocabulary: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {key: random.choice(values) for key, values in vocabulary.items() if random.random() < 0.75}


def _namespace_labels(random: Random, name: str) -> dict[str, str]:
    return {**_labels(random, NAMESPACE_LABELS), NAMESPACE_NAME: name}
