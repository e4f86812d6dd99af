"""Bugs in whom a policy isolates and in which direction, and in what is known of pods and namespaces.

Spec: specs/policies/network_policy.md
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

from tests.compilers.bugs.editing import (
    Part,
    Reading,
    by_object,
    by_pod,
    by_policies,
    by_spec,
)
from tests.compilers.bugs.ports import EVERY
from tests.compilers.dump import NODE
from tests.compilers.meaning import SIDES, types
from tests.compilers.worlds import SPACES, World


def _written(spec: Part) -> list[str]:
    return [each.capitalize() for each in types({"spec": spec})]


def _default_ingress(spec: Part) -> Part:
    return spec if "policyTypes" in spec else {**spec, "policyTypes": ["Ingress"]}


def _types_by_rules(spec: Part) -> Part | None:
    """A type that has no rules does not isolate."""
    kept = [each for each in _written(spec) if spec.get(each.lower())]
    return {**spec, "policyTypes": kept} if kept else None


def _types_and_rules(spec: Part) -> Part:
    """Rules of a type that does not count do."""
    rules = [each.capitalize() for each in SIDES if spec.get(each)]
    return {**spec, "policyTypes": sorted({*_written(spec), *rules})}


def _only(kind: str) -> Reading:
    def changed(spec: Part) -> Part | None:
        kept = [each for each in _written(spec) if each == kind]
        return {**spec, "policyTypes": kept} if kept else None

    return by_spec(changed)


def _also_ingress(spec: Part) -> Part:
    return {**spec, "policyTypes": sorted({*_written(spec), "Ingress"})}


def _both(spec: Part) -> Part:
    return {**spec, "policyTypes": ["Ingress", "Egress"]}


def _exchanged(spec: Part) -> Part:
    """Ingress is read as egress, and the other way round."""
    away = {"Ingress": "Egress", "Egress": "Ingress"}
    turned = {key: part for key, part in spec.items() if key not in SIDES}
    turned["policyTypes"] = [away[each] for each in _written(spec)]
    for direction, (other, side) in {"ingress": ("egress", "to"), "egress": ("ingress", "from")}.items():
        if direction in spec:
            old = SIDES[direction]
            turned[other] = [
                {side if key == old else key: part for key, part in each.items()} for each in spec[direction]
            ]
    return turned


def _somebody(spec: Part) -> Part | None:
    return spec if spec.get("podSelector") else None


def _no_empty_rules(spec: Part) -> Part:
    found = {**spec, "policyTypes": _written(spec)}
    for direction in SIDES:
        if direction in spec:
            found[direction] = [rule for rule in spec[direction] if rule]
    return found


def _in_every_space(policies: list[Part], _world: World) -> Iterable[Part]:
    for policy in policies:
        for space in SPACES:
            each = copy.deepcopy(policy)
            each["metadata"]["namespace"] = space
            yield each


def _last(policies: list[Part], _world: World) -> list[Part]:
    """A policy replaces the one before it in its namespace."""
    return list({policy["metadata"]["namespace"]: policy for policy in policies}.values())


def _first(policies: list[Part], _world: World) -> list[Part]:
    """Of the policies of a namespace the first wins."""
    return list({policy["metadata"]["namespace"]: policy for policy in reversed(policies)}.values())


def _one_chain(policies: list[Part], _world: World) -> list[Part]:
    """A policy that was split by direction is one again, whose chain is entered for either."""
    found: dict[tuple[str, str], Part] = {}
    for policy in policies:
        metadata = policy["metadata"]
        name = metadata["name"].removesuffix("-ingress").removesuffix("-egress")
        known = found.setdefault((metadata["namespace"], name), policy)
        if known is not policy:
            known["spec"] |= {key: policy["spec"][key] for key in SIDES if key in policy["spec"]}
            known["spec"]["policyTypes"] = ["Ingress", "Egress"]
    return list(found.values())


# ------------------------------------------------------------------ the cluster


def _without_empty(pod: Part) -> Part:
    known = pod["metadata"].get("labels", {})
    pod["metadata"]["labels"] = {key: value for key, value in known.items() if value}
    return pod


def _bare_space(each: Part) -> Part:
    return {**each, "metadata": {"name": each["metadata"]["name"]}} if each["kind"] == "Namespace" else each


def _stale(pod: Part) -> Part:
    """The first pod has the application of another."""
    known = pod["metadata"].get("labels", {})
    if pod["metadata"]["name"] == "web":
        known["app"] = {"web": "api"}.get(known.get("app", ""), "web")
    return pod


def _here(pod: Part) -> Part | None:
    return pod if pod["spec"]["nodeName"] == NODE else None


def _not_new(pod: Part) -> Part | None:
    return None if pod["metadata"]["name"] == "job" else pod


def _one_address(pod: Part) -> Part:
    pod["status"]["podIPs"] = pod["status"]["podIPs"][:1]
    return pod


READINGS: dict[str, tuple[Reading, tuple[str, ...], tuple[str, ...]]] = {
    "without policyTypes egress is open": (by_spec(_default_ingress), ("NP-8",), EVERY),
    "without policyTypes both directions count": (
        by_spec(lambda spec: spec if "policyTypes" in spec else _both(spec)),
        ("NP-8",),
        EVERY,
    ),
    "a type without rules isolates nothing": (by_spec(_types_by_rules), ("NP-12",), EVERY),
    "rules of a type that does not count do": (by_spec(_types_and_rules), ("NP-10",), EVERY),
    "egress is left out": (_only("Ingress"), ("NP-4",), EVERY),
    "ingress is left out": (_only("Egress"), ("NP-4",), EVERY),
    "an egress policy isolates ingress too": (by_spec(_also_ingress), ("NP-5", "NP-9"), EVERY),
    "ingress and egress are exchanged": (by_spec(_exchanged), ("NP-4", "NP-7"), EVERY),
    "a policy for all pods is for none": (by_spec(_somebody), ("NP-1",), EVERY),
    "an empty rule is no rule": (by_spec(_no_empty_rules), ("NP-13",), EVERY),
    "a policy selects pods of every namespace": (by_policies(_in_every_space), ("NP-2", "NP-62"), EVERY),
    "a policy of both directions is one chain": (by_policies(_one_chain), ("NP-7", "KR-1"), ("kube-router",)),
    "a policy replaces the one before it": (by_policies(_last), ("NP-6",), EVERY),
    "the first policy wins": (by_policies(_first), ("NP-6",), EVERY),
    "a label without a value is left out": (by_pod(_without_empty), ("NP-22",), EVERY),
    "labels of namespaces are not read": (by_object(_bare_space), ("NP-28",), EVERY),
    "a pod keeps labels that it had": (by_pod(_stale), ("NP-27",), EVERY),
    "pods of other nodes are unknown": (by_pod(_here), ("NP-17",), EVERY),
    "a new pod is not known yet": (by_pod(_not_new), ("NP-59",), EVERY),
    "only the first address of a pod is known": (by_pod(_one_address), ("NP-36",), ("calico", "kube-router")),
}
"""By name: how policies and cluster are misread, the clauses that this breaks, and the styles in which it is tried."""
