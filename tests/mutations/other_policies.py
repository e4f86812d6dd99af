"""Changes of policies that are no NetworkPolicies of Kubernetes' own: of Calico's and of the whole cluster's kinds."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.mutations import Edit, Files, Kind

OTHERS = "cluster/others.yaml"
TURNED = {"Allow": "Deny", "Accept": "Deny", "Deny": "Allow", "Pass": "Deny"}
NOBODY = "192.0.2.251/32"
Object = dict[str, Any]


def _each(change: Callable[[Object], Iterator[Object | None]]) -> Kind:
    """Every policy of such a kind changed in every way; None is a policy that is gone."""

    def kind(files: Files) -> Iterator[Edit]:
        items = json.loads(files[OTHERS])["items"] if OTHERS in files else []
        for place, item in enumerate(items):
            if "olicy" not in item.get("kind", "") or not isinstance(item.get("spec"), dict):
                continue
            for changed in change(copy.deepcopy(item)):
                kept = [*items[:place], *([changed] if changed else []), *items[place + 1 :]]
                yield Edit(OTHERS, text=json.dumps({"apiVersion": "v1", "kind": "List", "items": kept}))

    return kind


def _gone(policy: Object) -> Iterator[None]:
    if policy:
        yield None


def _rules(policy: Object) -> list[Object]:
    spec = policy["spec"]
    found = [*(spec.get("ingress") or ()), *(spec.get("egress") or ())]
    return [rule for rule in found if isinstance(rule, dict)]


def _at_each_rule(change: Callable[[Object], bool]) -> Callable[[Object], Iterator[Object]]:
    def changed(policy: Object) -> Iterator[Object]:
        for number in range(len(_rules(policy))):
            fresh = copy.deepcopy(policy)
            if change(_rules(fresh)[number]):
                yield fresh

    return changed


def _turned(rule: Object) -> bool:
    """Another action, in the words of the kind."""
    action = rule.get("action", "")
    back = "Accept" if "to" in rule or "from" in rule else "Allow"
    rule["action"] = back if action == "Deny" else TURNED.get(action, action)
    return bool(rule["action"] != action)


def _passed(rule: Object) -> bool:
    action = rule.get("action")
    rule["action"] = "Pass"
    return action not in (None, "Pass")


def _elsewhere(rule: Object) -> bool:
    """Calico: the rule is of packets that nobody sends."""
    if "action" in rule and not ("to" in rule or "from" in rule):
        rule["source"] = {"nets": [NOBODY]}
        return True
    return False


def _applied(policy: Object) -> Iterator[Object]:
    """A staged policy counts."""
    if policy["kind"].startswith("Staged"):
        policy["kind"] = policy["kind"].removeprefix("Staged")
        if policy["kind"] == "KubernetesNetworkPolicy":
            policy |= {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
        policy["spec"].pop("stagedAction", None)
        yield policy


def _denies(policy: Object) -> Iterator[Object]:
    """Every packet of its pods, in either direction."""
    spec = policy["spec"]
    if policy.get("apiVersion", "").startswith("policy.networking.k8s.io/"):
        everybody: list[Object] = [{"namespaces": {}}]
        spec["ingress"] = [{"name": "all", "action": "Deny", "from": everybody}]
        spec["egress"] = [{"name": "all", "action": "Deny", "to": everybody}]
    else:
        spec |= {"types": ["Ingress", "Egress"], "ingress": [{"action": "Deny"}], "egress": [{"action": "Deny"}]}
    yield policy


def _orders(policy: Object) -> Iterator[Object]:
    """Before or behind all others."""
    for key in ("order", "priority"):
        for value in (0, 999):
            if policy["spec"].get(key, value) != value:
                yield policy | {"spec": policy["spec"] | {key: value}}


def _renamed(policy: Object) -> Iterator[Object]:
    yield policy | {"metadata": policy["metadata"] | {"name": "another-name"}}


KINDS: dict[str, Kind] = {
    "policy of another kind gone": _each(_gone),
    "rule of another kind says otherwise": _each(_at_each_rule(_turned)),
    "rule of another kind passes on": _each(_at_each_rule(_passed)),
    "rule of another kind is for nobody": _each(_at_each_rule(_elsewhere)),
    "policy of another kind denies everything": _each(_denies),
    "policy of another kind at another place": _each(_orders),
    "policy of another kind with another name": _each(_renamed),
    "staged policy is applied": _each(_applied),
}
