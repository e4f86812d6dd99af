"""Bugs in how ports and protocols are read.

Spec: specs/policies/network_policy.md
"""

from __future__ import annotations

from typing import Any

from tests.compilers.bugs.editing import Part, Reading, by_policies, by_port, by_ports, container_ports
from tests.compilers.meaning import is_named
from tests.compilers.worlds import World


def _next(port: Part) -> Part:
    return {**port, "port": port["port"] + 1} if isinstance(port.get("port"), int) and "endPort" not in port else port


def _shorter(port: Part) -> Part:
    return {**port, "endPort": port["endPort"] - 1} if "endPort" in port else port


def _longer(port: Part) -> Part:
    return {**port, "endPort": port["endPort"] + 1} if "endPort" in port else port


def _without(*keys: str) -> Any:
    return lambda port: {key: value for key, value in port.items() if key not in keys}


def _of(protocol: str) -> Any:
    return lambda port: {**port, "protocol": protocol}


def _udp(port: Part) -> Part:
    return {"protocol": "UDP", **port}


def _numbered(port: Part) -> Part | None:
    return port if "port" in port else None


def _no_sctp(port: Part) -> Part | None:
    return None if port.get("protocol") == "SCTP" else port


def _unnamed(port: Part) -> Part:
    return _without("port")(port) if is_named(port) else port


def _no_names(port: Part) -> Part | None:
    return None if is_named(port) else port


def _ports_of(world: World) -> list[Part]:
    return [port for each in world.objects if each["kind"] == "Pod" for port in container_ports(each)]


def _first_number(policies: list[Part], world: World) -> list[Part]:
    """Every name is the number that the first pod with it gives it."""
    numbers: dict[tuple[str, str], int] = {}
    for port in _ports_of(world):
        numbers.setdefault((port["name"], port.get("protocol", "TCP")), port["containerPort"])

    def changed(port: Part) -> Part | None:
        if not is_named(port):
            return port
        number = numbers.get((port["port"], port.get("protocol", "TCP")))
        return {**port, "port": number} if number else None

    return by_port(changed)(World(world.objects, policies)).policies


def _any_protocol(policies: list[Part], world: World) -> list[Part]:
    """A name is looked up without its protocol."""
    protocols = {port["name"]: port.get("protocol", "TCP") for port in _ports_of(world)}

    def changed(port: Part) -> Part:
        return {**port, "protocol": protocols.get(port["port"], "TCP")} if is_named(port) else port

    return by_port(changed)(World(world.objects, policies)).policies


RANGES = ("azure", "calico", "kube-router")
NAMES = ("azure", "calico", "kube-router")
EVERY = ("azure", "calico", "kube-router", "weave")

READINGS: dict[str, tuple[Reading, tuple[str, ...], tuple[str, ...]]] = {
    "a port is one too high": (by_port(_next), ("NP-40",), EVERY),
    "a range loses its last port": (by_port(_shorter), ("NP-44",), RANGES),
    "a range gains a port": (by_port(_longer), ("NP-44",), RANGES),
    "the end of a range is ignored": (by_port(_without("endPort")), ("NP-44",), RANGES),
    "the default protocol is UDP": (by_port(_udp), ("NP-41",), EVERY),
    "every protocol is TCP": (by_port(_of("TCP")), ("NP-43",), EVERY),
    "a protocol alone is no port": (by_port(_numbered), ("NP-42",), EVERY),
    "the number of a port is ignored": (by_port(_without("port", "endPort")), ("NP-40",), EVERY),
    "only the first port counts": (by_ports(lambda ports: ports[:1]), ("NP-40",), EVERY),
    "ports of SCTP are left out": (by_port(_no_sctp), ("NP-43",), EVERY),
    "a named port is every port": (by_port(_unnamed), ("NP-45",), NAMES),
    "a named port is no port": (by_port(_no_names), ("NP-45",), NAMES),
    "a named port has the number of the first pod": (by_policies(_first_number), ("NP-45", "NP-46"), NAMES),
    "a named port is looked up without its protocol": (by_policies(_any_protocol), ("NP-46",), NAMES),
}
"""By name: how policies are misread, the clauses that this breaks, and the styles in which it is tried."""
