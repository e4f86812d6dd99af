"""NetworkPolicies as the Calico policies into which they are converted, as documents: the current form and older ones.

Written from the table of conversions alone, so that nothing of it knows how chainproof reads either kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

SIDES = {"ingress": ("from", "source"), "egress": ("to", "destination")}
ORCHESTRATOR = "projectcalico.org/orchestrator == 'k8s'"


@dataclass(frozen=True, slots=True)
class Era:
    """How a release converts: `merged` makes one rule of all ports of a protocol, `v1` writes the first API.

    `prefix` stands before the name.
    """

    name: str
    prefix: str = "knp.default."
    merged: bool = True
    v1: bool = False


ERAS = (Era("3.32", ""), Era("3.31"), Era("3.5", merged=False), Era("2.6", "knp.default.", merged=False, v1=True))


def convertible(policy: Json, era: Era) -> bool:
    """Whether the release of an era knows all that the policy says."""
    if not era.v1:
        return True
    rules = [rule for way in SIDES for rule in policy["spec"].get(way, [])]
    peers = [peer for rule in rules for side in ("from", "to") for peer in rule.get(side, [])]
    ports = [port for rule in rules for port in rule.get("ports", [])]
    both = any("podSelector" in peer and "namespaceSelector" in peer for peer in peers)
    new = any(
        "endPort" in port or isinstance(port.get("port"), str) or port.get("protocol") == "SCTP" for port in ports
    )
    return not both and not new


def converted(policy: Json, era: Era) -> Json:
    """The Calico policy of a NetworkPolicy."""
    metadata, spec = policy["metadata"], policy["spec"]
    namespace = metadata["namespace"]
    types = spec.get("policyTypes") or ["Ingress"]
    own = selector_text(spec.get("podSelector", {}), "", era)
    made: Json = {"order": 1000, "types": [each.lower() if era.v1 else each for each in types]}
    made["selector"] = (
        " && ".join([f"calico/k8s_ns == '{namespace}'", *own]) if era.v1 else " && ".join([ORCHESTRATOR, *own])
    )
    for way in SIDES:
        rules = [each for rule in spec.get(way, []) for each in rules_of(rule, way, namespace, era)]
        if rules:
            made[way] = rules
    if era.v1:
        name = f"{era.prefix}{namespace}.{metadata['name']}"
        return {"apiVersion": "v1", "kind": "policy", "metadata": {"name": name}, "spec": made}
    return {
        "apiVersion": "projectcalico.org/v3",
        "kind": "NetworkPolicy",
        "metadata": {"name": f"{era.prefix}{metadata['name']}", "namespace": namespace},
        "spec": {**made, "tier": "default"},
    }


def selector_text(selector: Json, prefix: str, era: Era) -> list[str]:
    """The terms of a selector of labels."""
    terms = [f"{prefix}{key} == '{value}'" for key, value in sorted(selector.get("matchLabels", {}).items())]
    for each in selector.get("matchExpressions", []):
        key, values = prefix + each["key"], ", ".join(f"'{value}'" for value in each.get("values", []))
        terms.append(
            {
                "In": f"{key} in {{ {values} }}",
                "NotIn": f"{key} not in {{ {values} }}",
                "Exists": f"has({key})",
                "DoesNotExist": f"! has({key})",
            }[each["operator"]]
        )
    return terms


def rules_of(rule: Json, way: str, namespace: str, era: Era) -> Iterator[Json]:
    """The rules of one rule: one for each protocol and peer, or in older releases each port and peer."""
    side, end = SIDES[way]
    for protocol, ports in ports_of(rule.get("ports") or [], era):
        for peer in rule.get(side) or [None]:
            made: Json = {"action": "allow" if era.v1 else "Allow"}
            if protocol:
                made["protocol"] = protocol.lower() if era.v1 else protocol
            entities: dict[str, Json] = {end: peer_of(peer, namespace, era) if peer is not None else {}}
            if ports:
                entities.setdefault("destination", {})["ports"] = ports
            yield {**made, **{name: entity for name, entity in entities.items() if entity}}


def peer_of(peer: Json, namespace: str, era: Era) -> Json:
    """The entity of a peer."""
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        return {"nets": [block["cidr"]], **({"notNets": block["except"]} if block.get("except") else {})}
    if era.v1:
        if "namespaceSelector" in peer:
            terms = selector_text(peer["namespaceSelector"], "pcns.", era) or ["has(calico/k8s_ns)"]
        else:
            terms = [f"calico/k8s_ns == '{namespace}'", *selector_text(peer["podSelector"], "", era)]
        return {"selector": " && ".join(terms)}
    pods = " && ".join([ORCHESTRATOR, *selector_text(peer.get("podSelector") or {}, "", era)])
    if "namespaceSelector" not in peer:
        return {"selector": pods}
    spaces = " && ".join(selector_text(peer["namespaceSelector"], "", era)) or "all()"
    return {"namespaceSelector": spaces, "selector": pods}


def ports_of(ports: list[Json], era: Era) -> Iterator[tuple[str, list[int | str]]]:
    """Protocols with their ports; no ports stand for all of them, "" for every protocol."""
    if not ports:
        yield "", []
        return
    told = [(port.get("protocol", "TCP"), port_of(port)) for port in ports]
    if not era.merged:
        yield from ((protocol, [] if port is None else [port]) for protocol, port in told)
        return
    for protocol, members in groupby(sorted(told, key=lambda each: each[0]), lambda each: each[0]):
        named = [port for _, port in members]
        yield protocol, [] if None in named else list(joined(port for port in named if port is not None))


def joined(ports: Iterable[int | str]) -> Iterator[int | str]:
    """Numbers in order, those that touch as ranges, then names."""
    spans: list[list[int]] = []
    names: dict[int | str, None] = {}
    known = []
    for port in ports:
        first, _, last = str(port).partition(":")
        if first.isdigit():
            known.append((int(first), int(last or first)))
        else:
            names[port] = None
    for low, high in sorted(known):
        if spans and low <= spans[-1][1] + 1:
            spans[-1][1] = max(spans[-1][1], high)
        else:
            spans.append([low, high])
    yield from (low if low == high else f"{low}:{high}" for low, high in spans)
    yield from names


def port_of(port: Json) -> int | str | None:
    """A port as Calico writes it."""
    if port.get("port") is None:
        return None
    return f"{port['port']}:{port['endPort']}" if "endPort" in port else port["port"]
