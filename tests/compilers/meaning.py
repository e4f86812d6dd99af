"""What the API says of a written policy: its directions, the pods that it selects, its defaults.

Spec: specs/policies/network_policy.md
"""

from __future__ import annotations

from typing import Any

from tests.compilers.dump import NODE
from tests.felix.selectors import Objects, addresses, has_traffic, selects

INGRESS, EGRESS = "ingress", "egress"
SIDES = {INGRESS: "from", EGRESS: "to"}


class Cluster:
    """The pods that have addresses of their own, and the labels of namespaces."""

    def __init__(self, objects: Objects) -> None:
        self.pods = [each for each in objects if each["kind"] == "Pod" and has_traffic(each)]
        self.local = [pod for pod in self.pods if pod["spec"].get("nodeName") == NODE]
        self.spaces = {
            each["metadata"]["name"]: {"kubernetes.io/metadata.name": each["metadata"]["name"]}
            | each["metadata"].get("labels", {})
            for each in objects
            if each["kind"] == "Namespace"
        }

    def selected(self, selector: dict[str, Any], namespace: str) -> Objects:
        """The pods of a namespace that a selector selects (NP-1, NP-2)."""
        return [pod for pod in self.pods if space(pod) == namespace and selects(selector, labels(pod))]

    def namespaces(self, selector: dict[str, Any]) -> list[str]:
        """The namespaces that a selector selects (NP-17, NP-26)."""
        return [name for name, known in sorted(self.spaces.items()) if selects(selector, known)]

    def peers(self, peer: dict[str, Any], namespace: str) -> Objects:
        """The pods that a peer of a policy in this namespace selects (NP-16 to NP-18)."""
        spaces = self.namespaces(peer["namespaceSelector"]) if "namespaceSelector" in peer else [namespace]
        return [pod for name in spaces for pod in self.selected(peer.get("podSelector", {}), name)]

    def isolated(self, pod: dict[str, Any], policies: Objects, direction: str) -> bool:
        """Whether some policy selects the pod in this direction (NP-4)."""
        return any(direction in types(policy) and pod in self.subjects(policy) for policy in policies)

    def subjects(self, policy: dict[str, Any]) -> Objects:
        """The pods that a policy selects."""
        return self.selected(policy["spec"].get("podSelector", {}), space(policy))


def types(policy: dict[str, Any]) -> list[str]:
    """The directions in which a policy counts (NP-8)."""
    spec = policy["spec"]
    written = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    return [name for name in (INGRESS, EGRESS) if name.capitalize() in written]


def rules(policy: dict[str, Any], direction: str) -> list[dict[str, Any]]:
    """The rules that a policy has for a direction, if it counts there (NP-10)."""
    return list(policy["spec"].get(direction) or []) if direction in types(policy) else []


def space(each: dict[str, Any]) -> str:
    return str(each["metadata"]["namespace"])


def name_of(each: dict[str, Any]) -> str:
    return str(each["metadata"]["name"])


def labels(pod: dict[str, Any]) -> dict[str, str]:
    return dict(pod["metadata"].get("labels", {}))


def protocol(port: dict[str, Any]) -> str:
    """The protocol of a port in small letters (NP-41)."""
    return str(port.get("protocol", "TCP")).lower()


def numbered(port: dict[str, Any]) -> str:
    """What a port that is no name asks of iptables: the protocol, and the number or range (NP-42, NP-44)."""
    if "port" not in port:
        return ""
    first, last = port["port"], port.get("endPort", port["port"])
    return f"-m {protocol(port)} --dport {first}" + (f":{last}" if last != first else "")


def is_named(port: dict[str, Any]) -> bool:
    return isinstance(port.get("port"), str)


def named_ports(pod: dict[str, Any], port: dict[str, Any]) -> list[int]:
    """The numbers that a pod gives a named port of this protocol (NP-45, NP-46)."""
    declared = [each for container in pod["spec"]["containers"] for each in container.get("ports", [])]
    wanted = (port["port"], protocol(port))
    return [each["containerPort"] for each in declared if (each.get("name"), protocol(each)) == wanted]


def addresses_of(pods: Objects, family: int) -> list[str]:
    return [address for pod in pods for address in addresses(pod, family)]


def blocks(peers: list[dict[str, Any]], family: int) -> list[dict[str, Any]]:
    """The blocks among peers that are of this family (NP-35)."""
    found = [peer["ipBlock"] for peer in peers if "ipBlock" in peer]
    return [block for block in found if (":" in block["cidr"]) is (family == 6)]


def held(cidr: str) -> list[str]:
    """A network as sets hold it: everything is two halves of everything, one address has no prefix."""
    halves = {"0.0.0.0/0": ["0.0.0.0/1", "128.0.0.0/1"], "::/0": ["::/1", "8000::/1"]}
    return halves.get(cidr) or [cidr.removesuffix("/128" if ":" in cidr else "/32")]
