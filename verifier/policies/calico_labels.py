"""The labels that Calico's selectors see of a thing, as tests of the labels of its pod, namespace and service account.

Spec: specs/calico_selectors.md
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from verifier.model.fields import NAMESPACE_NAME, SERVICE_ACCOUNT_NAME, End, Label, Scope
from verifier.model.predicate import (
    FALSE,
    TRUE,
    LabelIn,
    LabelText,
    Predicate,
    TextTest,
    all_of,
    any_of,
    negate,
)
from verifier.policies.calico_selector import (
    MOST_KNOWN,
    NAMESPACE,
    OF_NAMESPACE,
    OF_SERVICE_ACCOUNT,
    SERVICE_ACCOUNT,
    Compare,
    Comparison,
    Conjunction,
    Disjunction,
    Everything,
    Global,
    Has,
    Negation,
    OneOf,
    Selector,
)

ORCHESTRATOR, KUBERNETES = "projectcalico.org/orchestrator", "k8s"
OWN_NAME = "projectcalico.org/name"
"""The key under which Calico itself puts the name of a namespace or service account among its labels."""
OLD_NAMESPACE, OLD_OF_NAMESPACE = "calico/k8s_ns", "k8s_ns/label/"
"""What the first releases called these."""

_TEXT_TESTS = {
    Comparison.CONTAINS: TextTest.CONTAINS,
    Comparison.STARTS: TextTest.STARTS,
    Comparison.ENDS: TextTest.ENDS,
}


@lru_cache(MOST_KNOWN)
def meaning(selector: Selector, end: End) -> Predicate:
    """What a selector asks of one thing at this end: a part of a Thing, or of a pod."""
    match selector:
        case Compare(key, Comparison.EQUALS, text):
            return _values(key, end, frozenset([text]))
        case Compare(key, Comparison.DIFFERS, text):
            return negate(_values(key, end, frozenset([text])))
        case Compare(key, how, text):
            return _text(key, end, _TEXT_TESTS[how], text)
        case OneOf(key, values, negated):
            return negate(_values(key, end, frozenset(values)), negated)
        case Has(key):
            return _values(key, end, None)
        case Everything():
            return TRUE
        case Global():
            return negate(_values(NAMESPACE, end, None))
        case Negation(part):
            return negate(meaning(part, end))
        case Conjunction(parts):
            return all_of(*(meaning(part, end) for part in parts))
        case Disjunction(parts):
            return any_of(*(meaning(part, end) for part in parts))


def is_pod(end: End) -> Predicate:
    """The thing at this end is a pod: whatever else has labels has no service account."""
    return LabelIn(Label(end, Scope.SERVICE_ACCOUNT, SERVICE_ACCOUNT_NAME), None)


def _values(key: str, end: End, values: frozenset[str] | None) -> Predicate:
    if key == ORCHESTRATOR:
        return is_pod(end) if values is None or KUBERNETES in values else FALSE
    return _looked_up(key, end, lambda label: LabelIn(label, values) if values != frozenset() else FALSE)


def _text(key: str, end: End, test: TextTest, text: str) -> Predicate:
    if key == ORCHESTRATOR:
        return is_pod(end) if test.holds(KUBERNETES, text) else FALSE
    return _looked_up(key, end, lambda label: LabelText(label, test, text))


def _looked_up(key: str, end: End, test: Callable[[Label], Predicate]) -> Predicate:
    """A test of whatever carries this key: Calico's own labels, then the thing's own, then those it inherits."""
    own = Label(end, Scope.POD, key)
    if key in (NAMESPACE, OLD_NAMESPACE):
        return test(Label(end, Scope.NAMESPACE, NAMESPACE_NAME))
    if key == SERVICE_ACCOUNT:
        return test(Label(end, Scope.SERVICE_ACCOUNT, SERVICE_ACCOUNT_NAME))
    inherited = _inherited(key, end)
    if inherited is None:
        return test(own)
    return any_of(test(own), all_of(negate(LabelIn(own, None)), test(inherited)))


def _inherited(key: str, end: End) -> Label | None:
    """The label of the namespace or service account that a thing inherits under this key, None where it is its own."""
    for prefix in (OF_NAMESPACE, OLD_OF_NAMESPACE):
        if key.startswith(prefix):
            name = key.removeprefix(prefix)
            return Label(end, Scope.NAMESPACE, NAMESPACE_NAME if name == OWN_NAME else name)
    if key.startswith(OF_SERVICE_ACCOUNT):
        return Label(end, Scope.SERVICE_ACCOUNT, key.removeprefix(OF_SERVICE_ACCOUNT))
    return None
