"""Random clusters with random policies, the same ones for the same seed, over everything that NetworkPolicy can say."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.felix.samples import policy
from tests.felix.selectors import Objects
from tests.pages.world import expand_cluster

Peer = dict[str, Any]
Values = dict[str, tuple[str, ...]]
NODES = "node node-a 192.168.0.10 fd00::10\nnode node-b 192.168.0.11 fd00::11\n"
LOCAL = (("shop", "web"), ("shop", "api"), ("edge", "job"))
FAR = (("shop", "far"), ("bare", "db"))
MORE = (("edge", "gate"), ("bare", "tool"))
"""Further pods here, in the one world of ten that is large."""
SPACES = ("shop", "edge", "bare")
VALUES: Values = {"app": ("web", "api"), "tier": ("front", "")}
SPACE_VALUES: Values = {"team": ("a", "b"), "env": ("prod",)}
NUMBERS = (80, 81, 443, 8080)
BLOCKS = {
    4: (
        ("0.0.0.0/0", ("10.0.0.0/8", "192.168.0.0/16")),
        ("0.0.0.0/0", ()),
        ("10.0.0.0/16", ("10.0.0.2/31",)),
        ("10.0.0.0/24", ("10.0.0.3/32", "10.0.0.128/25")),
        ("10.0.1.0/24", ()),
        ("172.16.0.0/12", ("172.16.4.0/24", "172.17.0.0/16")),
        ("198.51.100.7/32", ()),
    ),
    6: (
        ("::/0", ("fd01::/16",)),
        ("fd01::/64", ("fd01::2/127",)),
        ("fd01:0:0:1::/64", ()),
        ("2001:db8::/32", ("2001:db8:1::/48",)),
    ),
}
"""Networks with the exceptions that they may have."""
PORTS: tuple[dict[str, Any], ...] = (
    {"port": 80},
    {"port": 80, "protocol": "UDP"},
    {"port": 443, "protocol": "TCP"},
    {"port": 7777, "protocol": "SCTP"},
    {"port": 8000, "endPort": 8090, "protocol": "TCP"},
    {"port": 79, "endPort": 81},
    {"port": 53, "endPort": 54, "protocol": "UDP"},
    {"protocol": "UDP"},
    {"protocol": "TCP"},
    {"port": "http"},
    {"port": "dns", "protocol": "UDP"},
    {"port": "dns"},
)


@dataclass(frozen=True, slots=True)
class World:
    """A cluster and its policies."""

    objects: Objects
    policies: Objects


def world(seed: str, families: tuple[int, ...]) -> World:
    """The world of a seed, with blocks of these families; with two of them its pods have both or only IPv4."""
    chance = random.Random(seed)
    large = chance.random() < 0.1
    objects = expand_cluster(_cluster(chance, (*LOCAL, *MORE) if large else LOCAL))
    policies = list(_policies(chance, families, chance.choice((5, 6, 7, 8) if large else (1, 2, 3, 3, 4))))
    dual = 6 in families and chance.random() < 0.5
    return World(objects if dual else [_of_ipv4(each) for each in objects], policies)


def _of_ipv4(each: dict[str, Any]) -> dict[str, Any]:
    """A pod or node without its IPv6 addresses."""
    status = each.get("status", {})
    kept: dict[str, Any] = {}
    for key, part in (("podIPs", "ip"), ("addresses", "address")):
        if key in status:
            kept[key] = [entry for entry in status[key] if ":" not in entry[part]]
    return {**each, "status": status | kept} if kept else each


# ------------------------------------------------------------------ clusters


def _cluster(chance: random.Random, local: tuple[tuple[str, str], ...]) -> str:
    lines = [NODES]
    for name in SPACES:
        known = _labels(chance, SPACE_VALUES)
        lines.append(f"namespace {name} {known}".rstrip())
    for number, (space, name) in enumerate(local, 2):
        lines.append(_pod(chance, space, name, f"10.0.0.{number} fd01::{number}", ""))
    for number, (space, name) in enumerate(FAR, 2):
        lines.append(_pod(chance, space, name, f"10.0.1.{number} fd01:0:0:1::{number}", " on=node-b"))
    lines.append(f"pod edge/done 10.0.0.9 fd01::9 {_labelled(chance, 'done')} phase=Succeeded")
    lines.append(f"pod shop/agent 192.168.0.11 fd00::11 {_labelled(chance, 'agent')} on=node-b host-network")
    return "\n".join(lines)


def _labels(chance: random.Random, values: Values) -> str:
    found = [f"{key}={chance.choice(known)}" for key, known in values.items() if chance.random() < 0.75]
    return ",".join(found)


def _labelled(chance: random.Random, name: str) -> str:
    return f"name={name},{_labels(chance, VALUES)}".rstrip(",")


def _pod(chance: random.Random, space: str, name: str, address: str, place: str) -> str:
    ports = ""
    if chance.random() < 0.8:
        ports += f" port=http:tcp/{chance.choice(NUMBERS)}"
    if chance.random() < 0.5:
        ports += f" port=dns:udp/{chance.choice((53, 5353))}"
    return f"pod {space}/{name} {address} {_labelled(chance, name)}{ports}{place}"


# ------------------------------------------------------------------ policies


def _policies(chance: random.Random, families: tuple[int, ...], count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        types = chance.choice((["Ingress"], ["Egress"], ["Ingress", "Egress"], ["Ingress", "Egress"], None))
        spec: dict[str, Any] = {"podSelector": _selector(chance, VALUES, chance.choice((0, 0, 0, 1, 1, 2)))}
        if types is not None:
            spec["policyTypes"] = types
        for direction, side in (("ingress", "from"), ("egress", "to")):
            counts = types is None or direction.capitalize() in types or chance.random() < 0.1
            rules = [_rule(chance, side, families) for _ in range(chance.randint(0, 3))] if counts else []
            if rules:
                spec[direction] = rules
        yield policy(f"p{number}", spec, chance.choice(("shop", "shop", "shop", "edge", "bare")))


def _rule(chance: random.Random, side: str, families: tuple[int, ...]) -> dict[str, Any]:
    rule: dict[str, Any] = {}
    peers = [_peer(chance, families) for _ in range(chance.choice((0, 1, 1, 2, 3)))]
    ports = chance.sample(PORTS, chance.choice((0, 0, 1, 1, 2, 3)))
    if peers:
        rule[side] = peers
    if ports:
        rule["ports"] = [dict(port) for port in ports]
    return rule


def _peer(chance: random.Random, families: tuple[int, ...]) -> Peer:
    form = chance.choice(("pods", "pods", "spaces", "both", "block"))
    if form == "block":
        cidr, excepts = chance.choice(BLOCKS[chance.choice(families)])
        chosen = chance.sample(excepts, chance.randint(min(1, len(excepts)), len(excepts)))
        return {"ipBlock": {"cidr": cidr} | ({"except": sorted(chosen)} if chosen else {})}
    peer: Peer = {}
    if form != "pods":
        peer["namespaceSelector"] = _selector(chance, SPACE_VALUES, chance.choice((0, 1, 1, 2)))
    if form != "spaces":
        peer["podSelector"] = _selector(chance, VALUES, chance.choice((0, 1, 1, 2)))
    return peer


def _selector(chance: random.Random, values: Values, terms: int) -> dict[str, Any]:
    """A selector of so many requirements; namespaces are sometimes chosen by name."""
    labels: dict[str, str] = {}
    expressions: list[dict[str, Any]] = []
    for _ in range(terms):
        key = chance.choice(sorted(values))
        known = values[key]
        if values is SPACE_VALUES and chance.random() < 0.3:
            key, known = "kubernetes.io/metadata.name", SPACES
        operator = chance.choice(("=", "=", "In", "NotIn", "Exists", "DoesNotExist"))
        if operator == "=":
            labels[key] = chance.choice(known)
            continue
        expression: dict[str, Any] = {"key": key, "operator": operator}
        if operator in ("In", "NotIn"):
            expression["values"] = chance.sample(known, chance.randint(1, len(known[:2])))
        expressions.append(expression)
    return ({"matchLabels": labels} if labels else {}) | ({"matchExpressions": expressions} if expressions else {})
