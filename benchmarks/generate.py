"""Writes a synthetic snapshot whose node is right by construction: `python -m benchmarks.generate STYLE PODS FOLDER`."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Protocol

from benchmarks.azure_style import AzureStyle
from benchmarks.calico_style import CalicoStyle
from benchmarks.kube_router_style import KubeRouterStyle
from benchmarks.synthetic import HERE, NODE_ADDRESSES, NODE_NETWORK, Pod, Synthetic
from benchmarks.weave_style import WeaveStyle


class Style(Protocol):
    """One compiler's way to write a node; `sets` is complete once `rules` has been called.

    `bridge` is the network of which the pods' one device is a bridge that an overlay extends, "" where there is none.
    """

    sets: dict[str, list[str]]
    bridge: str

    def rules(self) -> list[str]:
        """All rules of the filter table."""

    def set_header(self, name: str) -> str:
        """The `create` line of a set."""

    def member(self, name: str, member: str) -> str:
        """The `add` line of a member."""

    def device(self, pod: Pod) -> str:
        """The interface that routes.json names for a pod."""


STYLES: dict[str, Callable[[Synthetic], Style]] = {
    "azure": AzureStyle,
    "calico": CalicoStyle,
    "kube-router": KubeRouterStyle,
    "weave": WeaveStyle,
}
BUILT_IN = ("INPUT", "FORWARD", "OUTPUT")


def generate(style: str, size: int, folder: Path, members: int = 0) -> Path:
    """Write the snapshot to a new folder; equal arguments give equal bytes.

    `size` is the number of pods on the node. With `members`, policies that admit every pod are added until the sets
    have about that many more members.
    """
    synthetic = Synthetic(size, members)
    synthetic.write_cluster(folder / "cluster")
    node = folder / "nodes" / HERE
    node.mkdir(parents=True)
    dump = STYLES[style](synthetic)
    rules = dump.rules()
    (node / "iptables-save").write_text(_table(rules), "utf-8")
    with (node / "ipset-save").open("w", encoding="utf-8") as file:
        for name, listed in dump.sets.items():
            file.write(dump.set_header(name) + "\n")
            file.writelines(dump.member(name, member) + "\n" for member in listed)
    devices = {pod.address: dump.device(pod) for pod in synthetic.pods if pod.here}
    if dump.bridge:
        _write_bridge(node, next(iter(devices.values())), dump.bridge)
    else:
        _write_network(node, devices)
    return folder


def _table(rules: list[str]) -> str:
    chains = dict.fromkeys(re.findall(r"^-A (\S+)", "\n".join(rules), re.MULTILINE))
    heads = [f":{name} ACCEPT [0:0]" for name in BUILT_IN]
    heads += [f":{name} - [0:0]" for name in sorted(chains) if name not in BUILT_IN]
    return "\n".join(["*filter", *heads, *(f"[0:0] {rule}" for rule in rules), "COMMIT", ""])


def _write_network(node: Path, devices: dict[str, str]) -> None:
    interfaces = [_link(name) for name in sorted(set(devices.values()))]
    _write_links(node, interfaces, [{"dst": address, "dev": device} for address, device in devices.items()])


def _write_bridge(node: Path, bridge: str, network: str) -> None:
    """A bridge with the first address of its network, and the port behind which the overlay is."""
    first = str(next(ip_network(network).hosts()))
    links = [_link(bridge, first, int(network.split("/")[1])), _link(f"veth{bridge[:2]}-bridge")]
    _write_links(node, links, [{"dst": network, "dev": bridge}])


def _link(name: str, address: str = "", prefix: int = 0) -> dict[str, object]:
    held = [{"family": "inet", "local": address, "prefixlen": prefix}] if address else []
    return {"ifname": name, "addr_info": held}


def _write_links(node: Path, links: list[dict[str, object]], more: list[dict[str, str]]) -> None:
    ends = [_link("lo", "127.0.0.1", 8), _link("eth0", NODE_ADDRESSES[HERE], int(NODE_NETWORK.split("/")[1]))]
    interfaces = [*ends, *links]
    routes = [
        {"dst": "default", "gateway": "192.168.10.1", "dev": "eth0"},
        {"dst": NODE_NETWORK, "dev": "eth0"},
        *more,
    ]
    (node / "addresses.json").write_text(json.dumps(interfaces, indent=1), "utf-8")
    (node / "routes.json").write_text(json.dumps(routes, indent=1), "utf-8")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("style", choices=sorted(STYLES))
    parser.add_argument("pods", type=int, help="pods on the node")
    parser.add_argument("folder", type=Path, help="a folder that does not exist yet")
    parser.add_argument("--members", type=int, default=0, help="about so many more set members")
    options = parser.parse_args()
    print(generate(options.style, options.pods, options.folder, options.members))


if __name__ == "__main__":
    main()
