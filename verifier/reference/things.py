"""What a selector says of one network set.

Spec: specs/tiers.md
"""

from __future__ import annotations

from verifier.model.cluster import NetworkSet
from verifier.model.fields import NAMESPACE_NAME, Label, Scope
from verifier.model.predicate import All as Every
from verifier.model.predicate import AnyOf, LabelIn, LabelText, Not, PortNamed, Predicate, TextTest
from verifier.reference.view import View


def satisfies(selector: Predicate, thing: NetworkSet, view: View) -> bool:
    """Whether the set's own labels and its namespace's are as the selector asks; it has no ports."""
    if isinstance(selector, Not):
        return not satisfies(selector.part, thing, view)
    if isinstance(selector, Every | AnyOf):
        wanted = isinstance(selector, AnyOf)
        for part in selector.parts:
            if satisfies(part, thing, view) is wanted:
                return wanted
        return not wanted
    if isinstance(selector, PortNamed):
        return False
    if not isinstance(selector, LabelIn | LabelText):
        raise TypeError(f"a selector of labelled things asks for {type(selector).__name__}")
    value = _value(selector.label, thing, view)
    if value is None:
        return False
    if isinstance(selector, LabelIn):
        return selector.values is None or value in selector.values
    if selector.test is TextTest.CONTAINS:
        return value.find(selector.text) >= 0
    at_start = selector.test is TextTest.STARTS
    return value.startswith(selector.text) if at_start else value.endswith(selector.text)


def _value(label: Label, thing: NetworkSet, view: View) -> str | None:
    if label.scope is Scope.POD:
        return thing.labels.get(label.key)
    if label.scope is Scope.NAMESPACE and thing.namespace:
        if label.key == NAMESPACE_NAME:
            return thing.namespace
        known = view.cluster.namespaces.get(thing.namespace)
        return known.labels.get(label.key) if known else None
    return None
