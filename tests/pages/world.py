"""The world blocks of a section as a snapshot directory, which the ordinary reader then reads."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.literate import DEFAULT_NODE, Section

BUILT_IN = ("INPUT", "FORWARD", "OUTPUT")
NODE_FILES = {
    "iptables-save": "iptables-save",
    "ip6tables-save": "ip6tables-save",
    "ipset-save": "ipset-save",
    "iptables-list": "iptables-list",
    "ip6tables-list": "ip6tables-list",
    "ipset-list": "ipset-list",
    "json addresses": "addresses.json",
    "json routes": "routes.json",
    "json routes6": "routes6.json",
}
COLUMNS = "    pkts      bytes target     prot opt in     out     source               destination"
OTHER_TABLES = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
}
PROTOCOLS = {"tcp": "TCP", "udp": "UDP", "sctp": "SCTP"}
DEFAULT_NODE_ADDRESSES = ("192.168.0.10", "fd00::10")


def write_snapshot(section: Section, folder: Path, extra: dict[str, str] | None = None) -> Path:
    """Write what the section sees, and files of the default node in `extra`, as a snapshot; returns its folder."""
    cluster = folder / "cluster"
    cluster.mkdir(parents=True)
    for (kind, argument), text in section.world().items():
        if kind.startswith("counters "):
            (folder / kind.split()[1]).write_text(text)
        elif kind == "yaml translation":
            (folder / "translation.yaml").write_text(text)
        elif kind in NODE_FILES:
            _write_node_file(folder, argument, NODE_FILES[kind], text)
        elif kind == "cluster":
            items = expand_cluster(text)
            (cluster / "objects.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        else:
            (cluster / f"{kind.split()[1]}.{kind.split()[0]}").write_text(text)
    if not any(file.stem == "policies" for file in cluster.iterdir()):
        (cluster / "policies.json").write_text('{"apiVersion": "v1", "kind": "List", "items": []}')
    for name, text in (extra or {}).items():
        _write_node_file(folder, DEFAULT_NODE, name, text)
    return folder


def _write_node_file(folder: Path, node: str, name: str, text: str) -> None:
    place = folder / "nodes" / node
    place.mkdir(parents=True, exist_ok=True)
    if name.endswith("tables-save"):
        text = whole_dump(text)
    if name.endswith("tables-list"):
        text = whole_listing(text, name.removesuffix("-list"))
    (place / name).write_text(text)


def whole_dump(text: str) -> str:
    """A dump as `iptables-save` prints it, from one or from rules of the filter table alone."""
    if any(line.startswith("*") for line in text.splitlines()):
        return text
    policies = dict.fromkeys(BUILT_IN, "ACCEPT")
    chains: dict[str, None] = {}
    rules: list[str] = []
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["-P"]:
            policies[words[1]] = words[2]
        elif words[:1] == ["-N"]:
            chains[words[1]] = None
        else:
            rules.append(line)
            named = re.match(r"(?:\[\d+:\d+\] )?-A (\S+)", line)
            if named and named.group(1) not in policies:
                chains[named.group(1)] = None
    head = [f":{name} {policy} [0:0]" for name, policy in policies.items()] + [f":{name} - [0:0]" for name in chains]
    return "\n".join(["*filter", *head, *rules, "COMMIT", ""])


def whole_listing(text: str, tool: str) -> str:
    """A listing of all tables, from one or from chains of the filter table alone."""
    if any(line.startswith("$ ") for line in text.splitlines()):
        return text
    for table, chains in OTHER_TABLES.items():
        heads = "\n".join(f"Chain {name} (policy ACCEPT 0 packets, 0 bytes)\n{COLUMNS}\n" for name in chains)
        text += f"$ {tool} -t {table} -nvxL\n{heads}"
    return text


def expand_cluster(text: str) -> list[dict[str, Any]]:
    """The Kubernetes objects of a `cluster` block."""
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    pods = [_pod(words[1:]) for words in lines if words[0] == "pod"]
    nodes = [_node(words[1], words[2:]) for words in lines if words[0] == "node"]
    namespaces = {words[1]: _labels(words[2:]) for words in lines if words[0] == "namespace"}
    unknown = [words[0] for words in lines if words[0] not in ("pod", "node", "namespace")]
    if unknown:
        raise ValueError(f"cluster block: a line begins with {unknown[0]!r}; expected namespace, node or pod")
    if not nodes:
        nodes = [_node(name, DEFAULT_NODE_ADDRESSES if name == DEFAULT_NODE else ()) for name in _named_nodes(pods)]
    for pod in pods:
        namespaces.setdefault(pod["metadata"]["namespace"], {})
    return [
        *(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
            for name, labels in namespaces.items()
        ),
        *nodes,
        *pods,
    ]


def _named_nodes(pods: list[dict[str, Any]]) -> list[str]:
    return sorted({DEFAULT_NODE, *(pod["spec"]["nodeName"] for pod in pods)})


def _labels(words: list[str]) -> dict[str, str]:
    return dict(pair.split("=", 1) for word in words for pair in word.split(","))


def _node(name: str, addresses: tuple[str, ...] | list[str]) -> dict[str, Any]:
    listed = [{"type": "InternalIP", "address": address} for address in addresses]
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": {"addresses": listed}}


def _pod(words: list[str]) -> dict[str, Any]:
    namespace, name = words[0].split("/")
    labels: dict[str, str] = {}
    addresses: list[str] = []
    ports: list[dict[str, Any]] = []
    spec: dict[str, Any] = {"nodeName": DEFAULT_NODE}
    status: dict[str, Any] = {"phase": "Running"}
    for word in words[1:]:
        key, _, value = word.partition("=")
        if word == "host-network":
            spec["hostNetwork"] = True
        elif not value:
            addresses.append(word)
        elif key == "on":
            spec["nodeName"] = value
        elif key == "phase":
            status["phase"] = value
        elif key == "port":
            ports.append(_port(value))
        else:
            labels |= _labels([word])
    if addresses:
        status |= {"podIP": addresses[0], "podIPs": [{"ip": address} for address in addresses]}
    spec["containers"] = [{"name": "main", "ports": ports}]
    metadata = {"namespace": namespace, "name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def _port(text: str) -> dict[str, Any]:
    """`NAME:PROTOCOL/NUMBER`."""
    name, _, rest = text.partition(":")
    protocol, _, number = rest.partition("/")
    return {"name": name, "protocol": PROTOCOLS[protocol], "containerPort": int(number)}
