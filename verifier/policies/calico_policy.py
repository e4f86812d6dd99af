"""What Calico's kinds of policies share: names, tier and order, types, whom they select, and their rules.

Spec: specs/policies/calico_network_policy.md, specs/policies/calico_global_network_policy.md
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from verifier.model.document import Part, shown
from verifier.model.fields import NAMESPACE_NAME, End, Label, Scope
from verifier.model.policy import DEFAULT_TIER, Direction, Policy
from verifier.model.predicate import LabelIn, Predicate, all_of
from verifier.policies.calico_asked import asked_sets
from verifier.policies.calico_labels import KUBERNETES, ORCHESTRATOR, meaning
from verifier.policies.calico_metadata import metadata as called
from verifier.policies.calico_rules import Home, rules
from verifier.policies.calico_selector import (
    Compare,
    Comparison,
    Conjunction,
    Selector,
    of_namespaces,
    of_service_accounts,
    selector_of,
)

GROUPS = ("projectcalico.org", "crd.projectcalico.org")
V3_API, CRD_API = "projectcalico.org/v3", "crd.projectcalico.org/v1"
WITHOUT_DEFAULTS = (CRD_API, "v1")
"""The APIs in which nothing is filled in that a policy leaves out."""
CONVERTED = "knp.default."
"""How the names of converted NetworkPolicies begin, in all releases before 3.32."""
SPEC = ("egress", "ingress", "order", "performanceHints", "selector", "serviceAccountSelector", "tier", "types")
_DEFAULT_NAMESPACE = "default"
_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
_PROTECTED = {Direction.INGRESS: End.DESTINATION, Direction.EGRESS: End.SOURCE}
_TYPES = {"Ingress": Direction.INGRESS, "Egress": Direction.EGRESS}


def named(document: Part, *, namespaced: bool) -> tuple[str, str]:
    """Namespace ("" where the kind has none) and name, without the prefix of the default tier (CPO-2)."""
    metadata = document.child("metadata")
    name = called(document).name
    if not _NAME.fullmatch(name):
        problem = f"expected the policy's name, found {shown(name or None)}"
        raise metadata.fault("name", problem, "give it a name of lower case letters, digits, '-' and '.'")
    if not namespaced:
        return "", name.removeprefix(f"{DEFAULT_TIER}.")
    namespace = metadata.text("namespace") or _DEFAULT_NAMESPACE
    if not _NAME.fullmatch(namespace):
        problem = f"expected a namespace, found {shown(namespace)}"
        raise metadata.fault("namespace", problem, "a namespace has at most 63 lower case letters, digits and '-'")
    return namespace, name.removeprefix(f"{DEFAULT_TIER}.")


def order(spec: Part) -> float | None:
    """Where a policy or a tier stands; None, which is last, where it does not say (TI-3)."""
    value = spec.entries.get("order")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise spec.fault("order", f"expected a number, found {shown(value)}", "write a number without quotes")
    return float(value)


def types(spec: Part, *, api: str, words: dict[str, Direction] | None = None) -> frozenset[Direction]:
    """The directions in which a policy counts (CPO-5, VP-2)."""
    words = words or _TYPES
    given = spec.texts("types")
    for index, name in enumerate(given):
        if name not in words:
            problem = f"expected {' or '.join(words)}, found {shown(name or None)}"
            raise spec.fault(f"types[{index}]", problem, "name one of the two, spelt like this")
        if name in given[:index]:
            raise spec.fault(f"types[{index}]", f"{name} is named twice", "name each of the two once")
    if given:
        return frozenset(words[name] for name in given)
    if api in WITHOUT_DEFAULTS:
        return frozenset(Direction)
    ruled = frozenset(direction for direction in Direction if spec.items(direction.value))
    return ruled or frozenset([Direction.INGRESS])


def selected(spec: Part, direction: Direction, namespace: str) -> Predicate:
    """The pods that a policy selects: of its own namespace where it has one (CPO-3, CPO-4)."""
    end = _PROTECTED[direction]
    home = frozenset([namespace]) if namespace else None
    asked: list[Predicate] = [LabelIn(Label(end, Scope.NAMESPACE, NAMESPACE_NAME), home)]
    for key, reading in (
        ("selector", _same),
        ("namespaceSelector", of_namespaces),
        ("serviceAccountSelector", of_service_accounts),
    ):
        found = selector_of(spec, key)
        if found is not None:
            asked.append(meaning(reading(found), end))
    return all_of(*asked)


def _same(selector: Selector) -> Selector:
    return selector


def policy(kind: str, document: Part, home: Home, name: str, counting: frozenset[Direction]) -> Policy:
    """A policy in core form, its spec found to be of known fields."""
    spec, shared = document.child("spec"), home.shared
    title = f"{home.namespace}/{name}" if home.namespace else name
    every = [rule for direction in Direction for rule in rules(spec, direction, home)]
    subjects = {direction: shared.one(selected(spec, direction, home.namespace)) for direction in Direction}
    return Policy(
        kind,
        title,
        {direction: subjects[direction] for direction in Direction if direction in counting},
        tuple(rule for rule in every if rule.direction in counting),
        document.origin,
        tier=spec.text("tier") or DEFAULT_TIER,
        order=order(spec),
        every_protocol=True,
        converted=_converted(spec, home.namespace, name),
        asked=tuple(asked_sets(spec, home)),
        titles=titles(kind, home.namespace, name, spec.text("tier") or DEFAULT_TIER),
    )


def titles(kind: str, namespace: str, name: str, tier: str = DEFAULT_TIER) -> tuple[tuple[str, ...], ...]:
    """How a policy stands among those of its order, since release 3.32 and before it (TI-3).

    Before, it was by the name with its tier and behind its namespace; old policies of the whole cluster had no tier there.
    """
    called = name if tier != DEFAULT_TIER or name.startswith(CONVERTED) else f"{DEFAULT_TIER}.{name}"
    first = name, namespace, kind
    if namespace:
        return first, (f"{namespace}/{called}",), (f"{namespace}/{called}",)
    return first, (called,), (name,)


def _converted(spec: Part, namespace: str, name: str) -> str:
    """The NetworkPolicy of which this is the conversion, "" where it is none (CPO-21)."""
    if not namespace:
        return ""
    if name.startswith(CONVERTED):
        return f"{namespace}/{name.removeprefix(CONVERTED)}"
    return f"{namespace}/{name}" if _looks_converted(spec) else ""


def _looks_converted(spec: Part) -> bool:
    """Whether the policy has the form of a conversion since 3.32, whose name is the NetworkPolicy's own."""
    chosen = selector_of(spec, "selector")
    first = chosen.parts[0] if isinstance(chosen, Conjunction) else chosen
    tests = first == Compare(ORCHESTRATOR, Comparison.EQUALS, KUBERNETES)
    return tests and order(spec) == 1000 and all(each == "Allow" for each in _actions(spec))


def _actions(spec: Part) -> Iterator[str]:
    for direction in Direction:
        for rule in spec.parts(direction.value):
            yield rule.text("action")
