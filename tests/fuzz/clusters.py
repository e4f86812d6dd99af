"""Random clusters with random NetworkPolicies, half of them with Calico's policies beside, as the objects that the API server would print."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar

from tests.fuzz import calico_kinds
from verifier.model.cluster import Cluster
from verifier.model.node import NodeState
from verifier.readers.snapshot import read_snapshot

Value = TypeVar("Value")
Thing = dict[str, Any]
LABELS = {"app": ("web", "api", "db", ""), "tier": ("front", "back"), "x": ("1", "2")}
TEAMS = {"team": ("a", "b"), "env": ("prod", "dev"), "x": ("1",)}
PORT_NAMES = ("http", "dns", "metrics")
NUMBERS = (1, 53, 80, 81, 443, 8080, 32767, 65534, 65535)
PROTOCOLS = ("TCP", "UDP", "SCTP")
BLOCKS = {
    4: ("10.0.0.0/24", "10.0.0.4/30", "10.0.0.0/8", "0.0.0.0/0", "10.0.0.5/32", "10.0.0.5/24", "192.168.0.0/16", "10.0.1.0/25"),
    6: ("fd01::/112", "fd01::4/126", "::/0", "fd01::5/128", "fd01::5/64", "2001:db8::/32"),
}  # fmt: skip
EXCEPTS = {
    4: ("10.0.0.5/32", "10.0.0.4/31", "10.0.0.0/26", "10.0.1.0/24", "10.0.0.7/30", "192.168.0.0/24"),
    6: ("fd01::5/128", "fd01::4/127", "fd01::/120", "fd01::7/126"),
}
DUMP = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects of a cluster, policies among them."""

    items: tuple[Thing, ...]
    _read: list[tuple[NodeState, Cluster]] = field(default_factory=list, compare=False, repr=False)

    def text(self) -> str:
        """As one List."""
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(self.items)}, indent=1)

    def read(self) -> tuple[NodeState, Cluster]:
        """The node node-a, without any rule, and the cluster, as our readers read them; read once."""
        if not self._read:
            with tempfile.TemporaryDirectory() as folder:
                node = Path(folder) / "nodes" / "node-a"
                node.mkdir(parents=True)
                (Path(folder) / "cluster").mkdir()
                (Path(folder) / "cluster" / "all.json").write_text(self.text())
                for name in ("iptables-save", "ip6tables-save"):
                    (node / name).write_text(DUMP)
                snapshot = read_snapshot(folder)
            self._read.append((snapshot.nodes[0], snapshot.cluster))
        return self._read[0]


def draw(seed: str) -> Objects:
    """The cluster of a seed."""
    return _Writer(random.Random(seed)).objects()


def _inside(narrow: str, wide: str) -> bool:
    """Whether a block may be an exception of another: it is a smaller network within it."""
    one, other = ip_network(narrow, strict=False), ip_network(wide, strict=False)
    return one.prefixlen > other.prefixlen and other.supernet_of(one)  # type: ignore[arg-type]


class _Writer:
    def __init__(self, choose: random.Random) -> None:
        self.choose = choose
        self.namespaces = [f"n{number}" for number in range(choose.randint(1, 4))]

    def pick(self, values: Sequence[Value]) -> Value:
        return values[int(self.choose.random() * len(values))]

    def chance(self, probability: float) -> bool:
        return self.choose.random() < probability

    def objects(self) -> Objects:
        nodes = [
            self._thing("v1", "Node", "", name, status={"addresses": [{"type": "InternalIP", "address": address}]})
            for name, address in (("node-a", "192.168.0.10"), ("node-b", "192.168.0.11"))
        ]
        spaces = [self._thing("v1", "Namespace", "", name, labels=self._labels(TEAMS)) for name in self.namespaces]
        pods = [self._pod(number) for number in range(self.choose.randint(3, 9))]
        policies = [self._policy(number) for number in range(self.choose.randint(1, 5))]
        others = calico_kinds.Writer(self.choose, self.namespaces).objects() if self.chance(0.5) else []
        return Objects((*nodes, *spaces, *pods, *policies, *others))

    def _thing(
        self, api: str, kind: str, namespace: str, name: str, labels: dict[str, str] | None = None, **rest: Any
    ) -> Thing:
        metadata: Thing = {"name": name, **({"namespace": namespace} if namespace else {})}
        return {"apiVersion": api, "kind": kind, "metadata": {**metadata, "labels": labels or {}}, **rest}

    def _labels(self, known: dict[str, tuple[str, ...]]) -> dict[str, str]:
        return {key: self.pick(values) for key, values in known.items() if self.chance(0.6)}

    # ------------------------------------------------------------------ pods

    def _pod(self, number: int) -> Thing:
        addresses = [f"10.0.{self.pick((0, 0, 1))}.{number + 3}", f"fd01::{number + 3:x}"]
        addresses = self.pick((addresses, addresses, addresses[:1], addresses[1:]))
        spec: Thing = {"nodeName": self.pick(("node-a", "node-a", "node-b")), "containers": self._containers()}
        if self.chance(0.2):
            sidecar = {"name": "side", "restartPolicy": "Always", "ports": self._container_ports()}
            spec["initContainers"] = [sidecar]
        status: Thing = {"phase": self.pick(("Running",) * 8 + ("Succeeded", "Failed"))}
        if self.chance(0.08):
            spec["hostNetwork"] = True
            addresses = ["192.168.0.10" if spec["nodeName"] == "node-a" else "192.168.0.11"]
        if self.chance(0.95):
            status |= {"podIP": addresses[0], "podIPs": [{"ip": address} for address in addresses]}
        else:
            status["phase"] = "Pending"
        return self._thing(
            "v1", "Pod", self.pick(self.namespaces), f"pod{number}", self._labels(LABELS), spec=spec, status=status
        )

    def _containers(self) -> list[Thing]:
        return [
            {"name": f"c{number}", "ports": self._container_ports()} for number in range(self.pick((1, 1, 1, 2, 3)))
        ]

    def _container_ports(self) -> list[Thing]:
        ports: dict[tuple[str, str], Thing] = {}
        for _ in range(self.choose.randint(0, 3)):
            name, protocol = self.pick(PORT_NAMES), self.pick(PROTOCOLS)
            ports[name, ""] = {"name": name, "containerPort": self.pick(NUMBERS), "protocol": protocol}
        return list(ports.values())

    # ------------------------------------------------------------------ policies

    def _policy(self, number: int) -> Thing:
        spec: Thing = {"podSelector": self._selector(LABELS)}
        types = self.pick((None, ["Ingress"], ["Egress"], ["Ingress", "Egress"], ["Ingress", "Egress"]))
        if types is not None:
            spec["policyTypes"] = types
        for key, peers, kind in (("ingress", "from", "Ingress"), ("egress", "to", "Egress")):
            if self.chance(0.75) and (types is None or kind in types):
                spec[key] = [self._rule(peers) for _ in range(self.choose.randint(0, 3))]
        return self._thing(
            "networking.k8s.io/v1", "NetworkPolicy", self.pick(self.namespaces), f"policy{number}", spec=spec
        )

    def _rule(self, peers: str) -> Thing:
        rule: Thing = {}
        if self.chance(0.85):
            rule[peers] = [self._peer() for _ in range(self.choose.randint(0, 3))]
        if self.chance(0.7):
            rule["ports"] = [self._port() for _ in range(self.choose.randint(0, 3))]
        return rule

    def _peer(self) -> Thing:
        roll = self.choose.random()
        if roll < 0.35:
            return {"podSelector": self._selector(LABELS)}
        if roll < 0.55:
            return {"namespaceSelector": self._selector(TEAMS)}
        if roll < 0.75:
            return {"namespaceSelector": self._selector(TEAMS), "podSelector": self._selector(LABELS)}
        family = self.pick((4, 4, 6))
        block: Thing = {"cidr": self.pick(BLOCKS[family])}
        inside = [each for each in EXCEPTS[family] if _inside(each, block["cidr"])]
        if inside and self.chance(0.5):
            block["except"] = [self.pick(inside) for _ in range(self.choose.randint(1, 2))]
        return {"ipBlock": block}

    def _port(self) -> Thing:
        port: Thing = {}
        if self.chance(0.7):
            port["protocol"] = self.pick(PROTOCOLS)
        if self.chance(0.85):
            port["port"] = self.pick(PORT_NAMES) if self.chance(0.35) else self.pick(NUMBERS)
            if isinstance(port["port"], int) and self.chance(0.3):
                port["endPort"] = min(65535, port["port"] + self.pick((0, 1, 7, 30000)))
        return port

    def _selector(self, known: dict[str, tuple[str, ...]]) -> Thing:
        selector: Thing = {}
        if self.chance(0.4):
            key = self.pick(list(known))
            selector["matchLabels"] = {key: self.pick(known[key])}
        if self.chance(0.4):
            selector["matchExpressions"] = [self._expression(known) for _ in range(self.choose.randint(1, 2))]
        return selector

    def _expression(self, known: dict[str, tuple[str, ...]]) -> Thing:
        key = self.pick([*known, "kubernetes.io/metadata.name" if known is TEAMS else "none"])
        operator = self.pick(("In", "NotIn", "Exists", "DoesNotExist"))
        if operator in ("Exists", "DoesNotExist"):
            return {"key": key, "operator": operator}
        values = known.get(key, tuple(self.namespaces))
        chosen = sorted({self.pick(values) for _ in range(self.choose.randint(1, 2))})
        return {"key": key, "operator": operator, "values": chosen}
