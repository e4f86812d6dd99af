"""Bugs of conversions, each as a change of what is converted or of what comes out, with a policy that shows them all."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from tests.felix.conversion import ORCHESTRATOR, SIDES, Era, converted

Json: TypeAlias = dict[str, Any]
Change: TypeAlias = Callable[[Json], None]

RICH: Json = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "rich", "namespace": "shop"},
    "spec": {
        "podSelector": {
            "matchLabels": {"app": "web"},
            "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["old", "older"]}],
        },
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {
                "from": [
                    {"podSelector": {"matchLabels": {"app": "client", "note": ""}}},
                    {
                        "namespaceSelector": {"matchLabels": {"team": "ops"}},
                        "podSelector": {
                            "matchExpressions": [{"key": "role", "operator": "In", "values": ["monitor", "probe"]}]
                        },
                    },
                    {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "10.2.0.0/16"]}},
                    {"ipBlock": {"cidr": "192.0.2.0/24"}},
                ],
                "ports": [
                    {"port": 8080, "endPort": 8090},
                    {"port": 53, "protocol": "UDP"},
                    {"port": 7777, "protocol": "SCTP"},
                    {"port": "metrics"},
                ],
            },
            {"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "mesh"}}}]},
            {"ports": [{"port": 123, "protocol": "UDP"}]},
        ],
        "egress": [
            {
                "to": [
                    {
                        "namespaceSelector": {"matchExpressions": [{"key": "env", "operator": "Exists"}]},
                        "podSelector": {"matchExpressions": [{"key": "canary", "operator": "DoesNotExist"}]},
                    }
                ],
                "ports": [{}, {"port": 443}],
            }
        ],
    },
}
"""A policy of everything that a conversion has to carry over."""


def _rules(policy: Json) -> Iterator[Json]:
    for way in SIDES:
        yield from policy["spec"].get(way, [])


def _peers(policy: Json) -> Iterator[Json]:
    for rule in _rules(policy):
        for side in ("from", "to"):
            yield from rule.get(side, [])


def _ports(policy: Json) -> Iterator[Json]:
    for rule in _rules(policy):
        yield from rule.get("ports", [])


def _selectors(policy: Json) -> Iterator[Json]:
    yield policy["spec"]["podSelector"]
    for peer in _peers(policy):
        yield from (peer[key] for key in ("podSelector", "namespaceSelector") if key in peer)


def _expressions(policy: Json) -> Iterator[Json]:
    for selector in _selectors(policy):
        yield from selector.get("matchExpressions", [])


def every_rule_has_the_last_peer(policy: Json) -> None:
    for rule in policy["spec"]["ingress"]:
        rule["from"] = [rule["from"][-1]] * len(rule["from"]) if "from" in rule else []


def only_the_first_peer_is_converted(policy: Json) -> None:
    for rule in policy["spec"]["ingress"]:
        rule["from"] = rule.get("from", [])[:1]


def an_exception_is_ignored(policy: Json) -> None:
    for peer in _peers(policy):
        peer.get("ipBlock", {}).pop("except", None)


def only_the_first_exception_counts(policy: Json) -> None:
    for peer in _peers(policy):
        if "except" in peer.get("ipBlock", {}):
            del peer["ipBlock"]["except"][1:]


def the_last_port_of_a_range_is_ignored(policy: Json) -> None:
    for port in _ports(policy):
        port.pop("endPort", None)


def ports_of_sctp_are_left_out(policy: Json) -> None:
    for rule in _rules(policy):
        rule["ports"] = [port for port in rule.get("ports", []) if port.get("protocol") != "SCTP"]


def every_port_is_of_tcp(policy: Json) -> None:
    for port in _ports(policy):
        port["protocol"] = "TCP"


def a_named_port_is_every_port(policy: Json) -> None:
    for port in _ports(policy):
        if isinstance(port.get("port"), str):
            del port["port"]


def a_port_without_number_is_left_out(policy: Json) -> None:
    for rule in _rules(policy):
        if "ports" in rule:
            rule["ports"] = [port for port in rule["ports"] if "port" in port]


def ports_are_ignored_where_there_are_no_peers(policy: Json) -> None:
    for rule in _rules(policy):
        if not rule.get("from") and not rule.get("to"):
            rule.pop("ports", None)


def the_namespace_beside_a_pod_selector_is_ignored(policy: Json) -> None:
    for peer in _peers(policy):
        if "podSelector" in peer:
            peer.pop("namespaceSelector", None)


def the_pod_selector_beside_a_namespace_is_ignored(policy: Json) -> None:
    for peer in _peers(policy):
        if "namespaceSelector" in peer:
            peer.pop("podSelector", None)


def pods_of_every_namespace_are_meant(policy: Json) -> None:
    for peer in _peers(policy):
        if "podSelector" in peer:
            peer.setdefault("namespaceSelector", {})


def one_of_several_is_the_first(policy: Json) -> None:
    for each in _expressions(policy):
        if each["operator"] == "In":
            del each["values"][1:]


def none_of_several_is_not_the_first(policy: Json) -> None:
    for each in _expressions(policy):
        if each["operator"] == "NotIn":
            del each["values"][1:]


def expressions_of_the_subject_are_forgotten(policy: Json) -> None:
    policy["spec"]["podSelector"].pop("matchExpressions")


def a_label_without_value_is_left_out(policy: Json) -> None:
    for selector in _selectors(policy):
        labels = selector.get("matchLabels", {})
        selector["matchLabels"] = {key: value for key, value in labels.items() if value}


def presence_is_forgotten(policy: Json) -> None:
    for selector in _selectors(policy):
        kept = [each for each in selector.get("matchExpressions", []) if each["operator"] != "Exists"]
        selector["matchExpressions"] = kept


def absence_is_presence(policy: Json) -> None:
    for each in _expressions(policy):
        if each["operator"] == "DoesNotExist":
            each["operator"] = "Exists"


def egress_is_not_isolated(policy: Json) -> None:
    policy["spec"]["policyTypes"] = ["Ingress"]


def ingress_is_not_isolated(policy: Json) -> None:
    policy["spec"]["policyTypes"] = ["Egress"]


BEFORE: tuple[Change, ...] = (
    every_rule_has_the_last_peer, only_the_first_peer_is_converted, an_exception_is_ignored,
    only_the_first_exception_counts, the_last_port_of_a_range_is_ignored, ports_of_sctp_are_left_out,
    every_port_is_of_tcp, a_named_port_is_every_port, a_port_without_number_is_left_out,
    ports_are_ignored_where_there_are_no_peers, the_namespace_beside_a_pod_selector_is_ignored,
    the_pod_selector_beside_a_namespace_is_ignored, pods_of_every_namespace_are_meant, one_of_several_is_the_first,
    none_of_several_is_not_the_first, expressions_of_the_subject_are_forgotten, a_label_without_value_is_left_out,
    presence_is_forgotten, absence_is_presence, egress_is_not_isolated, ingress_is_not_isolated,
)  # fmt: skip
"""Bugs in what of a policy is converted."""


def _made(policy: Json) -> Iterator[Json]:
    for way in SIDES:
        yield from policy["spec"].get(way, [])


def peers_stand_at_the_wrong_end(policy: Json) -> None:
    for rule in policy["spec"].get("ingress", []):
        ends = rule.pop("source", None), rule.pop("destination", None)
        rule |= {name: end for name, end in zip(("destination", "source"), ends, strict=True) if end}


def ports_are_those_of_the_source(policy: Json) -> None:
    for rule in _made(policy):
        ports = rule.get("destination", {}).pop("ports", None)
        if ports:
            rule.setdefault("source", {})["ports"] = ports


def a_port_has_no_protocol(policy: Json) -> None:
    """What names its port and no protocol is any of them."""
    for rule in _made(policy):
        if "ports" not in rule.get("destination", {}):
            rule.pop("protocol", None)


def whoever_has_labels_is_a_peer(policy: Json) -> None:
    for rule in policy["spec"].get("ingress", []):
        rule.setdefault("source", {"namespaceSelector": "all()", "selector": ORCHESTRATOR})


def every_namespace_is_the_own(policy: Json) -> None:
    for rule in _made(policy):
        for end in ("source", "destination"):
            if rule.get(end, {}).get("namespaceSelector") == "all()":
                del rule[end]["namespaceSelector"]


def a_rule_denies(policy: Json) -> None:
    policy["spec"]["ingress"][-1]["action"] = "Deny"


def what_is_left_is_passed_on(policy: Json) -> None:
    policy["spec"]["ingress"].append({"action": "Pass"})


AFTER: tuple[Change, ...] = (
    peers_stand_at_the_wrong_end, ports_are_those_of_the_source, a_port_has_no_protocol, whoever_has_labels_is_a_peer,
    every_namespace_is_the_own, a_rule_denies, what_is_left_is_passed_on,
)  # fmt: skip
"""Bugs in what comes out, in the words of projectcalico.org/v3."""


def with_bug(policy: Json, bug: Change, era: Era) -> Json:
    """The conversion of a policy by a converter that has the bug."""
    given = copy.deepcopy(policy)
    if bug in BEFORE:
        bug(given)
        return converted(given, era)
    made = converted(given, era)
    bug(made)
    return made
