"""Random policies, tiers and network sets of Calico, over the vocabulary of imaginable packets."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from random import Random
from typing import Any

from tests.properties.imaginable import BLOCKS, LABELS, NAMESPACE_LABELS, NAMESPACES

TESTS = (
    "== '{}'",
    "!= '{}'",
    "in {{'{}', 'web'}}",
    "not in {{'{}'}}",
    "contains '{}'",
    "starts with '{}'",
    "ends with '{}'",
)
TEXTS = ("web", "db", "w", "e", "front", "a", "b", "")
PROTOCOLS = ("TCP", "UDP", "SCTP")
PORTS: tuple[int | str, ...] = (80, "80:90", 81, "http")


def term(random: Random, vocabulary: Mapping[str, tuple[str, ...]]) -> str:
    """A test of one label."""
    key = random.choice(sorted(vocabulary))
    if random.random() < 0.2:
        return random.choice(["has({})", "!has({})"]).format(key)
    return f"{key} {random.choice(TESTS).format(random.choice(TEXTS))}"


def selector(random: Random, vocabulary: Mapping[str, tuple[str, ...]]) -> str:
    """A few tests, joined and negated."""
    terms = [term(random, vocabulary) for _ in range(random.randint(1, 3))]
    joined = random.choice([" && ", " || "]).join(terms)
    return f"!({joined})" if random.random() < 0.2 else joined


def entity(random: Random, protocol: str, *, peer: bool) -> dict[str, Any]:
    """One end of a rule; its ports, where it is the destination of a protocol that has any."""
    found: dict[str, Any] = {}
    if peer and random.random() < 0.5:
        found["selector"] = random.choice([selector(random, LABELS), "all()"])
    if peer and random.random() < 0.3:
        found["namespaceSelector"] = random.choice([selector(random, NAMESPACE_LABELS), "all()", "global()"])
    if peer and random.random() < 0.2:
        found["notSelector"] = selector(random, LABELS)
    if random.random() < 0.3:
        found[random.choice(["nets", "notNets"])] = random.sample([each for each in BLOCKS if ":" not in each], 2)
    if protocol and random.random() < 0.6:
        found[random.choice(["ports", "ports", "notPorts"])] = random.sample(PORTS, random.randint(1, 2))
    return found


def rule(random: Random) -> dict[str, Any]:
    """A rule of any action."""
    protocol = random.choice(["", *PROTOCOLS])
    made: dict[str, Any] = {"action": random.choice(["Allow", "Allow", "Deny", "Pass"])}
    if protocol:
        made["protocol"] = protocol
    ends = {
        "source": entity(random, protocol if random.random() < 0.2 else "", peer=True),
        "destination": entity(random, protocol, peer=random.random() < 0.6),
    }
    return {**made, **{name: end for name, end in ends.items() if end}}


def policy(random: Random, name: str) -> dict[str, Any]:
    """A policy of one namespace or of all."""
    types = random.choice([["Ingress"], ["Egress"], ["Ingress", "Egress"]])
    spec: dict[str, Any] = {"types": types, "tier": random.choice(["first", "default"])}
    if random.random() < 0.8:
        spec["order"] = random.choice([1, 2, 3])
    if random.random() < 0.7:
        spec["selector"] = selector(random, LABELS)
    for way in types:
        spec[way.lower()] = [rule(random) for _ in range(random.randint(0, 3))]
    full = f"{spec['tier']}.{name}"
    if random.random() < 0.3:
        return {
            "apiVersion": "projectcalico.org/v3",
            "kind": "GlobalNetworkPolicy",
            "metadata": {"name": full},
            "spec": spec,
        }
    metadata = {"name": full, "namespace": random.choice(NAMESPACES[:2])}
    return {"apiVersion": "projectcalico.org/v3", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def changed(random: Random, written: dict[str, Any]) -> dict[str, Any]:
    """The policy with one of its parts drawn anew."""
    other = copy.deepcopy(written)
    spec = other["spec"]
    rules = [each for way in ("ingress", "egress") for each in spec.get(way, ())]
    if not rules or random.random() < 0.2:
        spec["selector"] = selector(random, LABELS)
        return other
    picked = random.choice(rules)
    drawn = rule(random)
    picked.clear()
    picked.update(drawn)
    return other


def surroundings(random: Random) -> list[dict[str, Any]]:
    """A tier before the default one, and network sets with labels."""
    action = random.choice(["Deny", "Pass"])
    found: list[dict[str, Any]] = [
        {
            "apiVersion": "projectcalico.org/v3",
            "kind": "Tier",
            "metadata": {"name": "first"},
            "spec": {"order": 10, "defaultAction": action},
        }
    ]
    for number in range(random.randint(0, 2)):
        labels = {key: random.choice(values) for key, values in LABELS.items()}
        found.append(
            {
                "apiVersion": "projectcalico.org/v3",
                "kind": "GlobalNetworkSet",
                "metadata": {"name": f"set-{number}", "labels": labels},
                "spec": {"nets": random.sample([each for each in BLOCKS if each not in ("0.0.0.0/0", "::/0")], 2)},
            }
        )
    return found
