"""The node on which every compiler writes, and how packets reach its pods, as `ip -j` prints it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.felix.selectors import Objects, addresses

OWN = (("192.168.0.10", 24), ("fd00::10", 64))
"""The node's addresses on its one wire."""
FAR = {4: ("10.0.1.0/24", "192.168.0.11"), 6: ("fd01:0:0:1::/64", "fd00::11")}
"""The pods of the other node, and the way to them."""


def _interface(name: str, *own: tuple[str, int]) -> dict[str, Any]:
    listed = [
        {"family": "inet6" if ":" in address else "inet", "local": address, "prefixlen": prefix}
        for address, prefix in own
    ]
    return {"ifname": name, "addr_info": listed}


def node_addresses(*more: tuple[str, tuple[tuple[str, int], ...]]) -> tuple[Mapping[str, Any], ...]:
    """The loopback, the wire, and further interfaces by name with their addresses."""
    usual = (_interface("lo", ("127.0.0.1", 8), ("::1", 128)), _interface("eth0", *OWN))
    return (*usual, *(_interface(name, *own) for name, own in more))


def pod_routes(
    pods: Objects, interface: Callable[[dict[str, Any]], str]
) -> Mapping[int, tuple[Mapping[str, Any], ...]]:
    """The way to everywhere, to the other node's pods, and to each pod here by an interface of its own."""
    found = {}
    for family, (network, gateway) in FAR.items():
        routes: list[Mapping[str, Any]] = [
            {"dst": "default", "gateway": gateway, "dev": "eth0"},
            {"dst": network, "gateway": gateway, "dev": "eth0"},
        ]
        routes += [
            {"dst": address, "dev": interface(pod), "scope": "link"}
            for pod in pods
            for address in addresses(pod, family)
        ]
        found[family] = tuple(routes)
    return found
