"""Bugs in how peers and their selectors are read.

Spec: specs/policies/network_policy.md
"""

from __future__ import annotations

import ipaddress

from tests.compilers.bugs.editing import (
    Part,
    Reading,
    by_block,
    by_peer,
    by_peers,
    by_requirement,
    by_rule,
    by_rules,
    by_selector,
)
from tests.compilers.bugs.ports import EVERY
from tests.compilers.meaning import Cluster
from tests.compilers.worlds import World

SELECTORS = ("namespaceSelector", "podSelector")


def _without(peer: Part, key: str) -> Part:
    return {name: part for name, part in peer.items() if name != key}


def _is_both(peer: Part) -> bool:
    return all(key in peer for key in SELECTORS)


def _apart(peers: list[Part]) -> list[Part]:
    return [part for peer in peers for part in ([{key: peer[key]} for key in SELECTORS] if _is_both(peer) else [peer])]


def _together(peers: list[Part]) -> list[Part]:
    """A peer of pods and one of namespaces become one that asks for both."""
    pods = [peer for peer in peers if "podSelector" in peer and not _is_both(peer)]
    spaces = [peer for peer in peers if "namespaceSelector" in peer and not _is_both(peer)]
    if not pods or not spaces:
        return peers
    return [*(peer for peer in peers if peer not in (pods[0], spaces[0])), {**spaces[0], **pods[0]}]


def _own_space(peer: Part) -> Part:
    return _without(peer, "namespaceSelector") if _is_both(peer) else peer


def _all_pods(peer: Part) -> Part:
    return _without(peer, "podSelector") if _is_both(peer) else peer


def _every_space(peer: Part) -> Part:
    return {"namespaceSelector": {}, **peer} if "podSelector" in peer else peer


def _not_everywhere(peer: Part) -> Part:
    return {"podSelector": {}, **_without(peer, "namespaceSelector")} if peer.get("namespaceSelector") == {} else peer


def _somebody(peer: Part) -> Part | None:
    return None if peer == {"podSelector": {}} else peer


def _no_block(peer: Part) -> Part | None:
    return None if "ipBlock" in peer else peer


def _pods_for_spaces(peer: Part) -> Part:
    if "namespaceSelector" not in peer or "podSelector" in peer:
        return peer
    return {"podSelector": peer["namespaceSelector"]}


def _nobody_is_everybody(rules: list[Part], side: str, space: str, world: World) -> list[Part]:
    """Peers that match no pod count like no peers."""
    cluster = Cluster(world.objects)
    found = []
    for rule in rules:
        peers = rule.get(side, [])
        matched = any("ipBlock" in peer or cluster.peers(peer, space) for peer in peers)
        found.append(_without(rule, side) if peers and not matched else rule)
    return found


def _asked(rule: Part, side: str) -> list[Part]:
    return [rule] if rule.get(side) else []


# ------------------------------------------------------------------ blocks


def _wider(block: Part) -> Part:
    network = ipaddress.ip_network(block["cidr"])
    return {**block, "cidr": str(network.supernet() if network.prefixlen else network)}


def _narrower(block: Part) -> Part:
    network = ipaddress.ip_network(block["cidr"])
    if network.prefixlen in (0, network.max_prefixlen):
        return block
    half = next(network.subnets())
    inside = [e for e in block.get("except", []) if ipaddress.ip_network(e).subnet_of(half)]  # type: ignore[arg-type]
    return {"cidr": str(half)} | ({"except": inside} if inside else {})


def _without_exceptions(block: Part) -> Part:
    return {"cidr": block["cidr"]}


def _first_exception(block: Part) -> Part:
    return block | ({"except": block["except"][:1]} if "except" in block else {})


def _exceptions_allowed(peers: list[Part]) -> list[Part]:
    """Exceptions are blocks of their own."""
    nets = [net for peer in peers if "ipBlock" in peer for net in peer["ipBlock"].get("except", [])]
    return [*peers, *({"ipBlock": {"cidr": net}} for net in nets)]


# ------------------------------------------------------------------ selectors


def _first_value(each: Part) -> list[Part]:
    return [{**each, "values": each["values"][:1]}] if "values" in each else [each]


def _as(old: str, new: str) -> Reading:
    return by_requirement(lambda each: [{**each, "operator": new}] if each["operator"] == old else [each])


def _with_key(each: Part) -> list[Part]:
    return [each, {"key": each["key"], "operator": "Exists"}] if each["operator"] == "NotIn" else [each]


def _turned(each: Part) -> list[Part]:
    turned = {"Exists": "DoesNotExist", "DoesNotExist": "Exists"}
    return [{**each, "operator": turned.get(each["operator"], each["operator"])}]


def _one_requirement(selector: Part) -> Part:
    """Only the first requirement of several is asked."""
    for key in ("matchLabels", "matchExpressions"):
        if selector.get(key):
            first = selector[key]
            return {key: dict(list(first.items())[:1]) if isinstance(first, dict) else first[:1]}
    return selector


def _no_expressions(selector: Part) -> Part:
    return _without(selector, "matchExpressions")


def _no_name(selector: Part) -> Part:
    """What a selector asks of a namespace's name is forgotten."""
    key = "kubernetes.io/metadata.name"
    labels = {name: value for name, value in selector.get("matchLabels", {}).items() if name != key}
    expressions = [each for each in selector.get("matchExpressions", []) if each["key"] != key]
    return ({"matchLabels": labels} if labels else {}) | ({"matchExpressions": expressions} if expressions else {})


READINGS: dict[str, tuple[Reading, tuple[str, ...], tuple[str, ...]]] = {
    "only the first peer counts": (by_peers(lambda peers: peers[:1]), ("NP-15",), EVERY),
    "every peer is the last one": (by_peers(lambda peers: peers[-1:]), ("NP-15",), EVERY),
    "only the first rule counts": (by_rules(lambda rules, *_: rules[:1]), ("NP-6",), EVERY),
    "both selectors of a peer are two peers": (by_peers(_apart), ("NP-18",), EVERY),
    "two peers are one with both selectors": (by_peers(_together), ("NP-18",), EVERY),
    "the namespaces beside a pod selector are ignored": (by_peer(_own_space), ("NP-18",), EVERY),
    "the pods beside a namespace selector are ignored": (by_peer(_all_pods), ("NP-18",), EVERY),
    "a pod selector speaks of every namespace": (by_peer(_every_space), ("NP-16",), EVERY),
    "an empty namespace selector is the own namespace": (by_peer(_not_everywhere), ("NP-20",), EVERY),
    "an empty pod selector is nobody": (by_peer(_somebody), ("NP-19",), EVERY),
    "a namespace selector selects pods": (by_peer(_pods_for_spaces), ("NP-17", "NP-28"), EVERY),
    "peers that match nobody are everybody": (by_rules(_nobody_is_everybody), ("NP-14",), EVERY),
    "a rule without peers is for nobody": (by_rule(_asked), ("NP-13", "NP-14"), EVERY),
    "blocks are left out": (by_peer(_no_block), ("NP-31",), EVERY),
    "a block is one bit too wide": (by_block(_wider), ("NP-31",), EVERY),
    "a block is one bit too narrow": (by_block(_narrower), ("NP-31",), EVERY),
    "exceptions are ignored": (by_block(_without_exceptions), ("NP-32",), EVERY),
    "only the first exception counts": (by_block(_first_exception), ("NP-32",), EVERY),
    "exceptions are let in": (by_peers(_exceptions_allowed), ("NP-32",), EVERY),
    "of several values only the first counts": (by_requirement(_first_value), ("NP-23",), EVERY),
    "NotIn is read as In": (_as("NotIn", "In"), ("NP-23",), EVERY),
    "NotIn asks for the label": (by_requirement(_with_key), ("NP-23",), EVERY),
    "Exists and DoesNotExist are exchanged": (by_requirement(_turned), ("NP-24",), EVERY),
    "expressions are ignored": (by_selector(_no_expressions), ("NP-25",), EVERY),
    "only the first requirement counts": (by_selector(_one_requirement), ("NP-22", "NP-25"), EVERY),
    "the name of a namespace is no label": (by_selector(_no_name), ("NP-26",), EVERY),
}
"""By name: how policies are misread, the clauses that this breaks, and the styles in which it is tried."""
