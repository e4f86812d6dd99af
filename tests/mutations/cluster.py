"""Changes of the cluster after its policies were compiled: policies, pods, namespaces."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import yaml

from tests.mutations import Edit, Files, Kind

POLICIES, PODS, NAMESPACES = (f"cluster/{name}.yaml" for name in ("networkpolicies", "pods", "namespaces"))
Change = Callable[[dict[str, Any]], Iterator[dict[str, Any]]]


@lru_cache(maxsize=16)
def _loaded(text: str) -> dict[str, Any]:
    found = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    assert isinstance(found, dict)
    return found


def _dumped(items: list[Any]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=1)


def each(file: str, change: Change) -> Kind:
    """Every object of a file, changed in every way."""

    def kind(files: Files) -> Iterator[Edit]:
        items = _loaded(files[file])["items"]
        for place, item in enumerate(items):
            for changed in change(copy.deepcopy(item)):
                yield Edit(file, text=_dumped([*items[:place], changed, *items[place + 1 :]]))

    return kind


def without(file: str) -> Kind:
    def kind(files: Files) -> Iterator[Edit]:
        items = _loaded(files[file])["items"]
        for place in range(len(items)):
            if len(items) > 1:
                yield Edit(file, text=_dumped([*items[:place], *items[place + 1 :]]))

    return kind


def again(file: str, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Kind:
    """One more object, made from one that is there."""

    def kind(files: Files) -> Iterator[Edit]:
        items = _loaded(files[file])["items"]
        for item in items:
            fresh = change(copy.deepcopy(item))
            if fresh is not None:
                yield Edit(file, text=_dumped([*items, fresh]))

    return kind


# ---------------------------------------------------------------------- policies


def _rules(spec: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for direction, key in (("ingress", "from"), ("egress", "to")):
        for rule in spec.get(direction) or ():
            yield rule, key


def _sites(find: Callable[[dict[str, Any]], list[Callable[[], None]]]) -> Kind:
    """Every way that `find` lists of changing a specification, one at a time."""

    def one(policy: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for number in range(len(find(policy["spec"]))):
            fresh = copy.deepcopy(policy)
            find(fresh["spec"])[number]()
            if fresh != policy:
                yield fresh

    return each(POLICIES, one)


def _selects_all(spec: dict[str, Any]) -> list[Callable[[], None]]:
    return [lambda: spec.update(podSelector={})]


def _selects_none(spec: dict[str, Any]) -> list[Callable[[], None]]:
    return [lambda: spec.update(podSelector={"matchLabels": {"nobody": "has-this"}})]


def _types(spec: dict[str, Any]) -> list[Callable[[], None]]:
    return [
        lambda types=types: spec.update(policyTypes=types)  # type: ignore[misc]
        for types in (["Ingress"], ["Egress"], ["Ingress", "Egress"])
    ]


def _no_rules(spec: dict[str, Any]) -> list[Callable[[], None]]:
    return [lambda key=key: spec.update({key: []}) for key in ("ingress", "egress") if spec.get(key)]  # type: ignore[misc]


def _all_rules(spec: dict[str, Any]) -> list[Callable[[], None]]:
    return [lambda key=key: spec.update({key: [{}]}) for key in ("ingress", "egress") if key in spec]  # type: ignore[misc]


def _rule_gone(spec: dict[str, Any]) -> list[Callable[[], None]]:
    keys = ("ingress", "egress")
    return [
        lambda key=key, n=n: spec[key].pop(n) and None  # type: ignore[misc]
        for key in keys
        for n in range(len(spec.get(key) or ()))
    ]


def _peer_gone(spec: dict[str, Any]) -> list[Callable[[], None]]:
    return [
        lambda peers=rule[key], n=n: peers.pop(n) and None  # type: ignore[misc]
        for rule, key in _rules(spec)
        for n in range(len(rule.get(key) or ()))
    ]


def _peers_gone(spec: dict[str, Any]) -> list[Callable[[], None]]:
    return [lambda rule=rule, key=key: rule.pop(key) and None for rule, key in _rules(spec) if rule.get(key)]  # type: ignore[misc]


def _ports_gone(spec: dict[str, Any]) -> list[Callable[[], None]]:
    return [lambda rule=rule: rule.pop("ports") and None for rule, _ in _rules(spec) if rule.get("ports")]  # type: ignore[misc]


def _ports(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for rule, _ in _rules(spec):
        yield from rule.get("ports") or ()


def _port_up(spec: dict[str, Any]) -> list[Callable[[], None]]:
    return [
        lambda port=port: port.update(port=port["port"] + 1)  # type: ignore[misc]
        for port in _ports(spec)
        if isinstance(port.get("port"), int) and "endPort" not in port
    ]


def _range_longer(spec: dict[str, Any]) -> list[Callable[[], None]]:
    return [
        lambda port=port: port.update(endPort=port.get("endPort", port["port"]) + 1)  # type: ignore[misc]
        for port in _ports(spec)
        if isinstance(port.get("port"), int)
    ]


def _another_protocol(spec: dict[str, Any]) -> list[Callable[[], None]]:
    return [
        lambda port=port: port.update(protocol="UDP" if port.get("protocol", "TCP") == "TCP" else "TCP")  # type: ignore[misc]
        for port in _ports(spec)
    ]


def _another_name(spec: dict[str, Any]) -> list[Callable[[], None]]:
    return [lambda port=port: port.update(port="another") for port in _ports(spec) if isinstance(port.get("port"), str)]  # type: ignore[misc]


def _blocks(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for rule, key in _rules(spec):
        for peer in rule.get(key) or ():
            if "ipBlock" in peer:
                yield peer["ipBlock"]


def _except_gone(spec: dict[str, Any]) -> list[Callable[[], None]]:
    return [
        lambda block=block, n=n: block["except"].pop(n) and None  # type: ignore[misc]
        for block in _blocks(spec)
        for n in range(len(block.get("except") or ()))
    ]


def _more_excepted(spec: dict[str, Any]) -> list[Callable[[], None]]:
    def narrowed(cidr: str) -> str:
        address, _, length = cidr.partition("/")
        return f"{address}/{int(length) + 3}"

    return [
        lambda block=block: block.update({"except": [narrowed(block["cidr"])]})  # type: ignore[misc]
        for block in _blocks(spec)
        if int(block["cidr"].partition("/")[2]) < 24
    ]


def _peers(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for rule, key in _rules(spec):
        yield from (peer for peer in rule.get(key) or () if "ipBlock" not in peer)


def _any_namespace(spec: dict[str, Any]) -> list[Callable[[], None]]:
    return [lambda peer=peer: peer.update(namespaceSelector={}) for peer in _peers(spec)]  # type: ignore[misc]


def _own_namespace(spec: dict[str, Any]) -> list[Callable[[], None]]:
    def narrow(peer: dict[str, Any]) -> None:
        del peer["namespaceSelector"]
        peer.setdefault("podSelector", {})

    return [lambda peer=peer: narrow(peer) for peer in _peers(spec) if "namespaceSelector" in peer]  # type: ignore[misc]


def _any_pod(spec: dict[str, Any]) -> list[Callable[[], None]]:
    return [lambda peer=peer: peer.update(podSelector={}) for peer in _peers(spec) if peer.get("podSelector")]  # type: ignore[misc]


def _negated(spec: dict[str, Any]) -> list[Callable[[], None]]:
    """A selector by label becomes one by the absence of the label."""

    def turn(selector: dict[str, Any]) -> None:
        (key, value), *_ = selector.pop("matchLabels").items()
        selector["matchExpressions"] = [{"key": key, "operator": "NotIn", "values": [value]}]

    selectors = [peer[name] for peer in _peers(spec) for name in ("podSelector", "namespaceSelector") if name in peer]
    return [
        lambda selector=selector: turn(selector)  # type: ignore[misc]
        for selector in [spec["podSelector"], *selectors]
        if selector and selector.get("matchLabels")
    ]


def _deny_all(policy: dict[str, Any]) -> dict[str, Any]:
    policy["metadata"]["name"] = "deny-all"
    policy["spec"] = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    return policy


def _renamed(policy: dict[str, Any]) -> dict[str, Any]:
    policy["metadata"]["name"] += "-again"
    return policy


def _moved(policy: dict[str, Any]) -> Iterator[dict[str, Any]]:
    policy["metadata"]["namespace"] = "default" if policy["metadata"]["namespace"] != "default" else "kube-system"
    yield policy


# ---------------------------------------------------------------------- pods and namespaces


def _label_changed(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for key in list(item["metadata"].get("labels") or ()):
        if key != "kubernetes.io/metadata.name":
            fresh = copy.deepcopy(item)
            fresh["metadata"]["labels"][key] = "changed"
            yield fresh


def _label_gone(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for key in list(item["metadata"].get("labels") or ()):
        if key != "kubernetes.io/metadata.name":
            fresh = copy.deepcopy(item)
            del fresh["metadata"]["labels"][key]
            yield fresh


def _addressed(pod: dict[str, Any], network: str, host: int) -> dict[str, Any]:
    """The status of a pod with another address in each family that it has."""
    families = len(pod["status"].get("podIPs") or ())
    addresses = [f"10.244.{network}.{host}", f"fd00:244:0:{network}::{host}"][: max(families, 1)]
    return {"podIP": addresses[0], "podIPs": [{"ip": address} for address in addresses]}


def _new_pod(node: str) -> Callable[[dict[str, Any]], dict[str, Any] | None]:
    def change(pod: dict[str, Any]) -> dict[str, Any] | None:
        if not pod["status"].get("podIP") or pod["spec"].get("hostNetwork"):
            return None
        pod["metadata"]["name"] += "-new"
        pod["spec"]["nodeName"] = node
        pod["status"] |= _addressed(pod, "1" if node == "node-a" else "2", 250)
        return pod

    return change


def _has_address(pod: dict[str, Any]) -> bool:
    return bool(pod["status"].get("podIPs"))


def _finished(pod: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if _has_address(pod):
        pod["status"]["phase"] = "Succeeded"
        yield pod


def _on_host(pod: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if _has_address(pod):
        pod["spec"]["hostNetwork"] = True
        yield pod


def _elsewhere(pod: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if _has_address(pod):
        pod["spec"]["nodeName"] = "node-b" if pod["spec"].get("nodeName") == "node-a" else "node-a"
        yield pod


def _readdressed(pod: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if _has_address(pod):
        pod["status"] |= _addressed(pod, "1", 251)
        yield pod


def _port_moved(pod: dict[str, Any]) -> Iterator[dict[str, Any]]:
    ports = [port for container in pod["spec"]["containers"] for port in container.get("ports") or ()]
    for number in range(len(ports)):
        fresh = copy.deepcopy(pod)
        found = [port for container in fresh["spec"]["containers"] for port in container.get("ports") or ()]
        found[number]["containerPort"] += 1
        yield fresh


KINDS: dict[str, Kind] = {
    "policy deleted": without(POLICIES),
    "policy selects every pod": _sites(_selects_all),
    "policy selects no pod": _sites(_selects_none),
    "policy has other types": _sites(_types),
    "policy without rules": _sites(_no_rules),
    "policy with an open rule": _sites(_all_rules),
    "policy loses a rule": _sites(_rule_gone),
    "policy loses a peer": _sites(_peer_gone),
    "policy rule for everybody": _sites(_peers_gone),
    "policy rule for every port": _sites(_ports_gone),
    "policy port up by one": _sites(_port_up),
    "policy port range one longer": _sites(_range_longer),
    "policy with another protocol": _sites(_another_protocol),
    "policy with another port name": _sites(_another_name),
    "policy loses an exception": _sites(_except_gone),
    "policy excepts more": _sites(_more_excepted),
    "policy peer of any namespace": _sites(_any_namespace),
    "policy peer of its own namespace": _sites(_own_namespace),
    "policy peer is any pod": _sites(_any_pod),
    "policy selector negated": _sites(_negated),
    "policy in another namespace": each(POLICIES, _moved),
    "policy that denies everything": again(POLICIES, _deny_all),
    "policy twice": again(POLICIES, _renamed),
    "pod label changed": each(PODS, _label_changed),
    "pod label gone": each(PODS, _label_gone),
    "pod gone": without(PODS),
    "pod without chains": again(PODS, _new_pod("node-a")),
    "pod on another node": again(PODS, _new_pod("node-b")),
    "pod finished": each(PODS, _finished),
    "pod on the host's network": each(PODS, _on_host),
    "pod moved to or from the node": each(PODS, _elsewhere),
    "pod with another address": each(PODS, _readdressed),
    "pod port moved": each(PODS, _port_moved),
    "namespace label changed": each(NAMESPACES, _label_changed),
    "namespace label gone": each(NAMESPACES, _label_gone),
    "namespace gone": without(NAMESPACES),
}
