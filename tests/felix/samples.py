"""The dialects of Felix that are told apart, and small clusters that each of them can express."""

from __future__ import annotations

from typing import Any

from tests.felix.dialect import Dialect
from tests.felix.selectors import Objects
from tests.pages.world import expand_cluster

DIALECTS = {
    "2.1": Dialect((2, 1)),
    "2.3": Dialect((2, 3)),
    "2.4": Dialect((2, 4), ipip=True),
    "2.6": Dialect((2, 6)),
    "3.0": Dialect((3, 0), ipip=True),
    "3.1": Dialect((3, 1)),
    "3.4": Dialect((3, 4)),
    "3.8": Dialect((3, 8)),
    "3.12": Dialect((3, 12), to_host="RETURN"),
    "3.16": Dialect((3, 16), vxlan=True),
    "3.18": Dialect((3, 18), mask=0xF0000000),
    "3.22": Dialect((3, 22), prefix="azv"),
    "3.23": Dialect((3, 23), prefix="eni", to_host="DROP"),
    "3.26": Dialect((3, 26), deny="REJECT"),
    "3.28": Dialect((3, 28)),
    "3.29": Dialect((3, 29), prefix="gke"),
    "3.29 with VXLAN": Dialect((3, 29), vxlan=True),
    "3.30": Dialect((3, 30), flow_logs=True),
    "3.30 returning": Dialect((3, 30), allow="RETURN"),
    "3.32": Dialect((3, 32), deny="REJECT", mask=0x3F00),
}
"""One for every difference that our notes list, with settings spread over them."""

PODS = """
namespace shop team=a
namespace edge team=b,zone=outer
node node-a 192.168.0.10
node node-b 192.168.0.11
pod shop/web 10.0.0.2 app=web port=http:tcp/8080
pod shop/api 10.0.0.3 app=api,tier=back port=http:tcp/81
pod edge/job 10.0.0.4 app=job
pod edge/gate 10.0.0.5 app=gate
pod shop/far 10.0.1.2 app=web,tier=back port=http:tcp/80 on=node-b
pod edge/old 10.0.0.9 app=job phase=Succeeded
"""


def cluster() -> Objects:
    """The objects of the sample cluster."""
    return expand_cluster(PODS)


def policy(name: str, spec: dict[str, Any], namespace: str = "shop") -> dict[str, Any]:
    """A NetworkPolicy."""
    metadata = {"namespace": namespace, "name": name}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def routes(dialect: Dialect, objects: Objects) -> list[dict[str, str]]:
    """What `ip -j route` prints on node-a: by these the node knows its pods."""
    pods = [each for each in objects if each["kind"] == "Pod" and each["spec"]["nodeName"] == "node-a"]
    far = ("fd00:0:0:1::/64", "fd00::11") if dialect.family == 6 else ("10.0.1.0/24", "192.168.0.11")
    found = [{"dst": "default", "gateway": far[1], "dev": "eth0"}, {"dst": far[0], "gateway": far[1], "dev": "eth0"}]
    return found + [
        {"dst": address["ip"], "dev": dialect.interface(pod), "scope": "link"}
        for pod in pods
        for address in pod["status"].get("podIPs", [])
        if pod["status"]["phase"] == "Running"
    ]


EVERYBODY: dict[str, Any] = {}
PEERS: list[dict[str, Any]] = [
    {"podSelector": {"matchLabels": {"app": "api"}}},
    {"podSelector": {"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}},
    {"namespaceSelector": {"matchLabels": {"team": "b"}}},
    {"namespaceSelector": {}},
]
BOTH: list[dict[str, Any]] = [
    {
        "namespaceSelector": {"matchExpressions": [{"key": "zone", "operator": "Exists"}]},
        "podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["job", "web"]}]},
    }
]
BLOCKS: list[dict[str, Any]] = [
    {"ipBlock": {"cidr": "172.17.0.0/16", "except": ["172.17.1.0/24"]}},
    {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "192.168.0.0/16"]}},
    {"ipBlock": {"cidr": "198.51.100.7/32"}},
]
MANY_PORTS = [{"port": number} for number in range(8000, 8034, 2)]
PORTS: list[list[dict[str, Any]]] = [
    [{"port": 80}],
    [{"port": 53, "protocol": "UDP"}, {"port": 53}],
    [{"protocol": "UDP"}],
    MANY_PORTS,
]
NAMED: list[list[dict[str, Any]]] = [[{"port": "http"}], [{"port": "http"}, {"port": 443}]]
RANGES: list[list[dict[str, Any]]] = [[{"port": 8000, "endPort": 8010}, {"port": 9000}]]
SCTP: list[list[dict[str, Any]]] = [[{"port": 7777, "protocol": "SCTP"}]]


def peers_known(dialect: Dialect) -> list[dict[str, Any]]:
    """The peers that the release can express as NetworkPolicy means them."""
    known = list(PEERS)
    known += BLOCKS if dialect.release >= (2, 6) else []
    return known + (BOTH if dialect.release >= (3, 1) else [])


def ports_known(dialect: Dialect) -> list[list[dict[str, Any]]]:
    """The ports that the release can express as NetworkPolicy means them."""
    known = list(PORTS)
    known += NAMED if dialect.release >= (3, 0) else []
    known += SCTP if dialect.release >= (3, 12) else []
    return known + (RANGES if dialect.release >= (3, 20) else [])


def types_known(dialect: Dialect) -> list[list[str]]:
    """The policy types that the release can express."""
    return [["Ingress"], *([["Egress"], ["Ingress", "Egress"]] if dialect.release >= (2, 6) else [])]
