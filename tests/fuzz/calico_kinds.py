"""Random policies of Calico's, with tiers and network sets, for a random cluster."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, TypeVar

Value = TypeVar("Value")
Thing = dict[str, Any]
API = "projectcalico.org/v3"
TIERS = ("default", "default", "first", "late")
NETS = {
    4: ("10.0.0.0/24", "10.0.0.4/30", "10.0.0.0/8", "10.0.0.5/32", "10.0.0.5/24", "192.168.0.0/16", "10.0.1.0/25"),
    6: ("fd01::/112", "fd01::4/126", "fd01::5/128", "fd01::5/64", "2001:db8::/32"),
}
TESTS = (
    "app == 'web'", "app != 'web'", "app in {'web', 'db', ''}", "app not in {'api'}", "has(tier)", "!has(tier)",
    "app contains 'e'", "app starts with 'a'", "app ends with 'b'", "x == '1'", "all()", "pcns.team == 'a'",
    "!has(pcns.env)", "projectcalico.org/namespace == 'n1'", "projectcalico.org/serviceaccount == 'default'",
    "projectcalico.org/orchestrator == 'k8s'", "!(has(projectcalico.org/orchestrator))",
)  # fmt: skip
SPACES = ("team == 'a'", "team != 'a'", "has(env)", "all()", "global()", "projectcalico.org/name == 'n0'")
PORTS = (1, 53, 80, "80:443", "http", "dns", "metrics", 8080, "32767:65535", 40000)


class Writer:
    """Draws objects; `namespaces` are those of the cluster."""

    def __init__(self, choose: random.Random, namespaces: Sequence[str]) -> None:
        self.choose = choose
        self.namespaces = namespaces

    def pick(self, values: Sequence[Value]) -> Value:
        return values[int(self.choose.random() * len(values))]

    def chance(self, probability: float) -> bool:
        return self.choose.random() < probability

    def objects(self) -> list[Thing]:
        """Tiers, network sets and policies."""
        tiers = [
            self._thing("Tier", name, order=self.pick((1, 100, 2_000_000)), defaultAction=self.pick(("Deny", "Pass")))
            for name in ("first", "late")
        ]
        sets = [self._network_set(number) for number in range(self.choose.randint(0, 4))]
        return [*tiers, *sets, *(self._policy(number) for number in range(self.choose.randint(1, 4)))]

    def _thing(self, kind: str, name: str, namespace: str = "", labels: Thing | None = None, **spec: Any) -> Thing:
        metadata: Thing = {"name": name, **({"namespace": namespace} if namespace else {})}
        return {"apiVersion": API, "kind": kind, "metadata": {**metadata, "labels": labels or {}}, "spec": spec}

    def _network_set(self, number: int) -> Thing:
        known: Thing = {"app": ("web", "api", ""), "tier": ("front",), "x": ("1", "2")}
        labels = {key: self.pick(values) for key, values in known.items() if self.chance(0.6)}
        nets = [self.pick(NETS[self.pick((4, 4, 6))]) for _ in range(self.choose.randint(1, 3))]
        if self.chance(0.5):
            return self._thing("GlobalNetworkSet", f"set{number}", labels=labels, nets=nets)
        return self._thing("NetworkSet", f"set{number}", self.pick(self.namespaces), labels, nets=nets)

    def _selector(self) -> str:
        tests = [self.pick(TESTS) for _ in range(self.pick((1, 1, 2, 3)))]
        return self.pick((" && ", " || ")).join(f"!({test})" if self.chance(0.2) else test for test in tests)

    def _policy(self, number: int) -> Thing:
        tier = self.pick(TIERS)
        name = f"policy{number}" if tier == "default" else f"{tier}.policy{number}"
        spec: Thing = {"tier": tier, "selector": self._selector()}
        if self.chance(0.8):
            spec["order"] = self.pick((1, 500, 1000, 1000.5, 2000))
        if self.chance(0.2):
            spec["serviceAccountSelector"] = self.pick(("has(role)", "all()", "role != 'x'"))
        if self.chance(0.6):
            spec["types"] = self.pick((["Ingress"], ["Egress"], ["Ingress", "Egress"]))
        for key in ("ingress", "egress"):
            if self.chance(0.7):
                spec[key] = [self._rule() for _ in range(self.choose.randint(0, 4))]
        if self.chance(0.5):
            return self._thing("NetworkPolicy", name, self.pick(self.namespaces), **spec)
        if self.chance(0.4):
            spec["namespaceSelector"] = self.pick(SPACES[:4])
        return self._thing("GlobalNetworkPolicy", name, **spec)

    def _rule(self) -> Thing:
        rule: Thing = {"action": self.pick(("Allow", "Allow", "Deny", "Pass", "Log"))}
        family = self.pick((4, 4, 6))
        ported = self.chance(0.6)
        if ported:
            rule["protocol"] = self.pick(("TCP", "UDP", "SCTP", 6))
        elif self.chance(0.2):
            rule["notProtocol"] = self.pick(("TCP", 17, "ICMP"))
        for key in ("source", "destination"):
            if self.chance(0.6):
                rule[key] = self._entity(family, ported=ported)
        return rule

    def _entity(self, family: int, *, ported: bool) -> Thing:
        entity: Thing = {}
        if self.chance(0.5):
            entity["selector"] = self._selector()
        if self.chance(0.2):
            entity["notSelector"] = self._selector()
        if self.chance(0.3):
            entity["namespaceSelector"] = self.pick(SPACES)
        if self.chance(0.1):
            entity["serviceAccounts"] = self.pick(({"names": ["default"]}, {"selector": "has(role)"}))
        for key, probability in (("nets", 0.25), ("notNets", 0.2)):
            if self.chance(probability):
                entity[key] = [self.pick(NETS[family]) for _ in range(self.choose.randint(1, 2))]
        for key, probability in (("ports", 0.5), ("notPorts", 0.2)):
            if ported and self.chance(probability):
                entity[key] = [self.pick(PORTS) for _ in range(self.choose.randint(1, 3))]
        return entity
