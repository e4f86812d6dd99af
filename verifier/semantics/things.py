"""Network sets among the labelled things at an address: which of them a selector means.

Spec: specs/tiers.md
"""

from __future__ import annotations

from collections.abc import Iterator

from verifier.model.cluster import Cluster, NetworkSet
from verifier.model.fields import Label, Scope
from verifier.model.predicate import All, AnyOf, LabelIn, LabelText, Not, PortNamed, Predicate, Range


def networks_of(part: Predicate, family: int, cluster: Cluster) -> Iterator[Range]:
    """The networks of every set that satisfies a selector by itself; ValueError where it asks more than labels."""
    for each in cluster.network_sets:
        if _satisfies(part, each, cluster):
            yield from each.networks.get(family, ())


def _satisfies(part: Predicate, thing: NetworkSet, cluster: Cluster) -> bool:
    match part:
        case LabelIn(label, values):
            value = _value(label, thing, cluster)
            return value is not None and (values is None or value in values)
        case LabelText(label, test, text):
            value = _value(label, thing, cluster)
            return value is not None and test.holds(value, text)
        case PortNamed():
            return False
        case All(parts):
            return all(_satisfies(each, thing, cluster) for each in parts)
        case AnyOf(parts):
            return any(_satisfies(each, thing, cluster) for each in parts)
        case Not(inner):
            return not _satisfies(inner, thing, cluster)
        case _:
            raise ValueError(f"a selector of labelled things asks for {type(part).__name__}")


def _value(label: Label, thing: NetworkSet, cluster: Cluster) -> str | None:
    if label.scope is Scope.POD:
        return thing.labels.get(label.key)
    if label.scope is Scope.SERVICE_ACCOUNT or not thing.namespace:
        return None
    return cluster.namespace_labels(thing.namespace).get(label.key)
