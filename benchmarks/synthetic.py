"""A synthetic cluster of any size: teams of namespaces that look alike, so that everything grows in proportion to its pods."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

ROLES = ("web", "web", "api", "api", "db")
HERE, ELSEWHERE = "node-a", "node-b"
NODE_ADDRESSES = {HERE: "192.168.10.11", ELSEWHERE: "192.168.10.12"}
NODE_NETWORK = "192.168.10.0/24"
ELSEWHERE_PER_POD = 4
NAMESPACES_PER_TEAM = 3


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod; `role` is its one label."""

    namespace: str
    name: str
    address: str
    role: str
    node: str

    @property
    def here(self) -> bool:
        return self.node == HERE


@dataclass(frozen=True, slots=True)
class Peers:
    """The other end of a rule: pods by selector (role within the namespace, a whole team, everybody) or a block."""

    kind: str  # "role", "team", "all", "block"
    value: str = ""
    excepted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """Peers, all of them on all of these ports of one protocol; no protocol: everything."""

    peers: tuple[Peers, ...]
    protocol: str = ""
    ports: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy of one direction; `role` "" selects the whole namespace."""

    namespace: str
    name: str
    role: str
    direction: str  # "ingress" or "egress"
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Synthetic:
    """`size` pods on the node, four times as many elsewhere, and at least `members` members in sets of peers."""

    size: int
    members: int = 0

    @property
    def namespaces(self) -> tuple[str, ...]:
        return tuple(f"app-{number:03}" for number in range(-(-self.size // len(ROLES))))

    def team(self, namespace: str) -> str:
        return f"team-{int(namespace.split('-')[1]) // NAMESPACES_PER_TEAM}"

    @cached_property
    def pods(self) -> tuple[Pod, ...]:
        return tuple(self._pods())

    def _pods(self) -> Iterator[Pod]:
        for number in range(self.size * (1 + ELSEWHERE_PER_POD)):
            here = number < self.size
            place = number if here else (number - self.size) // ELSEWHERE_PER_POD
            namespace, role = self.namespaces[place // len(ROLES)], ROLES[place % len(ROLES)]
            base, index = (1, number) if here else (64, number - self.size)
            address = f"10.244.{base + index // 250}.{2 + index % 250}"
            yield Pod(namespace, f"{role}-{number}", address, role, HERE if here else ELSEWHERE)

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        return tuple(policy for number, name in enumerate(self.namespaces) for policy in self._policies(number, name))

    def _policies(self, number: int, namespace: str) -> Iterator[Policy]:
        block = Peers("block", f"172.{16 + number % 16}.0.0/16", (f"172.{16 + number % 16}.{number}.0/24",))
        web = Rule((Peers("team", self.team(namespace)), block), "TCP", ((80, 80), (443, 443)))
        yield Policy(namespace, "web", "web", "ingress", (web,))
        api = (Rule((Peers("role", "web"),), "TCP", ((8080, 8090),)), Rule((Peers("role", "web"),), "UDP", ((53, 53),)))
        yield Policy(namespace, "api", "api", "ingress", api)
        yield Policy(namespace, "db", "db", "ingress", (Rule((Peers("role", "api"),), "TCP", ((5432, 5432),)),))
        out = (Rule((Peers("role", "db"),)), Rule((Peers("block", NODE_NETWORK),)), Rule((block,), "SCTP"))
        yield Policy(namespace, "db-out", "db", "egress", out)
        for extra in range(self._broad(number)):
            rule = Rule((Peers("all"),), "TCP", ((9000 + extra, 9000 + extra),))
            yield Policy(namespace, f"open-{extra}", "", "ingress", (rule,))

    def _broad(self, number: int) -> int:
        """How many policies of this namespace admit every pod of the cluster, so that their sets have `members`."""
        needed = -(-self.members // len(self.pods))
        each, rest = divmod(needed, len(self.namespaces))
        return each + (number < rest)

    def selected(self, policy: Policy) -> list[Pod]:
        """The pods that a policy selects."""
        return [pod for pod in self.pods if pod.namespace == policy.namespace and policy.role in ("", pod.role)]

    def peers(self, policy: Policy, peers: Peers) -> list[str]:
        """The addresses of the pods that a selector of a policy means."""
        return [
            pod.address
            for pod in self.pods
            if peers.kind == "all"
            or (peers.kind == "team" and self.team(pod.namespace) == peers.value)
            or (peers.kind == "role" and pod.namespace == policy.namespace and pod.role == peers.value)
        ]

    def write_cluster(self, folder: Path) -> None:
        """The objects as kubectl prints them."""
        folder.mkdir(parents=True)
        labels = [{"name": name, "labels": {"team": self.team(name)}} for name in self.namespaces]
        _write(folder / "namespaces.yaml", [{"apiVersion": "v1", "kind": "Namespace", "metadata": m} for m in labels])
        _write(folder / "nodes.yaml", [_node(name, address) for name, address in NODE_ADDRESSES.items()])
        _write(folder / "pods.yaml", [_pod(pod) for pod in self.pods])
        _write(folder / "networkpolicies.yaml", [_policy(policy) for policy in self.policies])


def _write(path: Path, items: list[dict[str, object]]) -> None:
    document = {"apiVersion": "v1", "kind": "List", "items": items}
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(document, file, Dumper=_PlainDumper, sort_keys=False, default_flow_style=False)


class _PlainDumper(yaml.CSafeDumper):
    """Writes repeated values out, as kubectl does, where YAML would point back at the first."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _node(name: str, address: str) -> dict[str, object]:
    status = {"addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}]}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": status}


def _pod(pod: Pod) -> dict[str, object]:
    spec = {"nodeName": pod.node, "containers": [{"name": "main", "image": "app:1"}], "restartPolicy": "Always"}
    status = {"phase": "Running", "podIP": pod.address, "podIPs": [{"ip": pod.address}], "qosClass": "BestEffort"}
    metadata = {"name": pod.name, "namespace": pod.namespace, "labels": {"role": pod.role}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def _policy(policy: Policy) -> dict[str, object]:
    side = "from" if policy.direction == "ingress" else "to"
    rules = []
    for rule in policy.rules:
        entry: dict[str, object] = {side: [_peer(peers) for peers in rule.peers]}
        if rule.protocol:
            entry["ports"] = [_port(rule.protocol, span) for span in rule.ports or ((0, 0),)]
        rules.append(entry)
    selector = {"matchLabels": {"role": policy.role}} if policy.role else {}
    spec = {"podSelector": selector, "policyTypes": [policy.direction.capitalize()], policy.direction: rules}
    metadata = {"name": policy.name, "namespace": policy.namespace}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def _peer(peers: Peers) -> dict[str, object]:
    if peers.kind == "block":
        return {"ipBlock": {"cidr": peers.value} | ({"except": list(peers.excepted)} if peers.excepted else {})}
    if peers.kind == "role":
        return {"podSelector": {"matchLabels": {"role": peers.value}}}
    return {"namespaceSelector": {"matchLabels": {"team": peers.value}} if peers.kind == "team" else {}}


def _port(protocol: str, span: tuple[int, int]) -> dict[str, object]:
    first, last = span
    if not first:
        return {"protocol": protocol}
    return {"protocol": protocol, "port": first} | ({"endPort": last} if last > first else {})
