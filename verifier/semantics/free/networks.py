"""What a selector says of one network set where nobody knows the labels of namespaces.

Spec: specs/tiers.md, specs/questions/layer.md
"""

from __future__ import annotations

from collections.abc import Iterable

from verifier.model.cluster import NetworkSet
from verifier.model.fields import NAMESPACE_NAME, Label, Scope
from verifier.model.predicate import All, AnyOf, LabelIn, LabelText, Not, PortNamed, Predicate


def satisfies(part: Predicate, thing: NetworkSet) -> bool | None:
    """Whether the set satisfies the selector, None where its namespace's labels decide."""
    match part:
        case LabelIn(label) | LabelText(label) if _is_unknown(label, thing):
            return None
        case LabelIn(label, values):
            value = _value(label, thing)
            return value is not None and (values is None or value in values)
        case LabelText(label, test, text):
            value = _value(label, thing)
            return value is not None and test.holds(value, text)
        case PortNamed():
            return False
        case All(parts):
            return _every([satisfies(each, thing) for each in parts])
        case AnyOf(parts):
            answer = _every([_negated(satisfies(each, thing)) for each in parts])
            return _negated(answer)
        case Not(inner):
            return _negated(satisfies(inner, thing))
        case _:
            raise ValueError(f"a selector of labelled things asks for {type(part).__name__}")


def _is_unknown(label: Label, thing: NetworkSet) -> bool:
    return label.scope is Scope.NAMESPACE and bool(thing.namespace) and label.key != NAMESPACE_NAME


def _value(label: Label, thing: NetworkSet) -> str | None:
    if label.scope is Scope.POD:
        return thing.labels.get(label.key)
    return thing.namespace or None if label.scope is Scope.NAMESPACE and label.key == NAMESPACE_NAME else None


def _negated(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


def _every(answers: Iterable[bool | None]) -> bool | None:
    known = list(answers)
    if False in known:
        return False
    return None if None in known else True
