"""Random policies for the whole cluster beside those of a random cluster, few priorities among many of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.fuzz.clusters import BLOCKS, LABELS, NUMBERS, PORT_NAMES, TEAMS, Objects, Thing, Value, draw

NAMES = ("*.example.org", "example.net")


def draw_tiers(seed: str, most: int = 5) -> Objects:
    """The cluster of a seed with ClusterNetworkPolicies of both tiers, of which many have equal priorities."""
    choose = random.Random(f"tiers {seed}")
    writer = _Writer(choose)
    found = tuple(writer.policy(number) for number in range(choose.randint(1, most)))
    return Objects((*draw(seed).items, *found))


@dataclass(frozen=True, slots=True)
class _Writer:
    choose: random.Random

    def pick(self, values: Sequence[Value]) -> Value:
        return self.choose.choice(values)

    def policy(self, number: int) -> Thing:
        spec: Thing = {
            "tier": self.pick(("Admin", "Admin", "Baseline")),
            "priority": self.pick((1, 1, 2)),
            "subject": self._pods(),
        }
        for key, peers in (("ingress", "from"), ("egress", "to")):
            spec[key] = [self._rule(peers) for _ in range(self.choose.randint(0, 3))]
        metadata = {"name": f"cluster{number}"}
        api = "policy.networking.k8s.io/v1alpha2"
        return {"apiVersion": api, "kind": "ClusterNetworkPolicy", "metadata": metadata, "spec": spec}

    def _rule(self, field: str) -> Thing:
        action = self.pick(("Accept", "Deny", "Pass"))
        peers = [self._peer(field, action) for _ in range(self.choose.randint(1, 2))]
        named = all(set(peer) <= {"namespaces", "pods"} for peer in peers)
        rule: Thing = {"action": action, field: peers}
        if self.choose.random() < 0.7:
            rule["protocols"] = [self._protocol(named=named) for _ in range(self.choose.randint(1, 2))]
        return rule

    def _peer(self, field: str, action: str) -> Thing:
        roll = self.choose.random()
        if field == "from" or roll < 0.5:
            return {} if roll < 0.03 else self._pods()
        if roll < 0.9:
            count = self.choose.randint(1, 2)
            return {"networks": [self.pick(BLOCKS[self.pick((4, 4, 6))]) for _ in range(count)]}
        return {"domainNames": [self.pick(NAMES)]} if action == "Accept" else {"nodes": {}}

    def _pods(self) -> Thing:
        if self.choose.random() < 0.5:
            return {"namespaces": self._selector(TEAMS)}
        return {"pods": {"namespaceSelector": self._selector(TEAMS), "podSelector": self._selector(LABELS)}}

    def _selector(self, known: dict[str, tuple[str, ...]]) -> Thing:
        key = self.pick(list(known))
        operator = self.pick(("In", "NotIn", "Exists"))
        test: dict[str, Any] = {"key": key, "operator": operator}
        if operator != "Exists":
            test["values"] = [self.pick(known[key])]
        return {"matchExpressions": [test]} if self.choose.random() < 0.5 else {}

    def _protocol(self, *, named: bool) -> Thing:
        if named and self.choose.random() < 0.3:
            return {"destinationNamedPort": self.pick(PORT_NAMES)}
        first = self.pick(NUMBERS)
        ports: Thing = {"number": first}
        if first < 65000 and self.choose.random() < 0.4:
            ports = {"range": {"start": first, "end": first + self.pick((1, 500))}}
        return {
            self.pick(("tcp", "tcp", "udp", "sctp")): {"destinationPort": ports} if self.choose.random() < 0.8 else {}
        }
