"""Label selectors: validated as the API server does, and as predicates over the labels of one end.

Spec: specs/policies/network_policy.md (NP-19, NP-22 to NP-25)
"""

from __future__ import annotations

import re

from verifier.model.document import Part, shown
from verifier.model.fields import NAMESPACE_NAME, End, Label, Scope
from verifier.model.predicate import LabelIn, Predicate, all_of, negate
from verifier.policies.kind import Shared

_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_DOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
_KEY_FORM = "a label key is a name of at most 63 letters, digits, '-', '_' and '.', optionally after a DNS name and '/'"
_VALUE_FORM = (
    "a label value is empty or at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends"
)
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def selector(part: Part, end: End, scope: Scope, shared: Shared) -> Predicate:
    """What a label selector asks of the labels of one end; an empty one asks nothing (NP-25)."""
    only_fields(part, "matchLabels", "matchExpressions")
    tests = [
        LabelIn(_label(part, end, scope, key), frozenset([_value(part, f"matchLabels.{key}", value)]))
        for key, value in part.text_map("matchLabels").items()
    ]
    expressions = [_expression(expression, end, scope) for expression in part.parts("matchExpressions")]
    return shared.one(all_of(*(shared.one(test) for test in [*tests, *expressions])))


def selected_namespaces(part: Part, end: End, shared: Shared) -> Predicate:
    """Pods of the selected namespaces; an address that is no pod's is in no namespace (NP-20, NP-28)."""
    is_pod = shared.one(LabelIn(Label(end, Scope.NAMESPACE, NAMESPACE_NAME), None))
    return all_of(is_pod, selector(part, end, Scope.NAMESPACE, shared))


def only_fields(part: Part, *known: str) -> None:
    """Refuse a field that the API does not have: a misspelt one would silently widen or narrow a policy."""
    for key in part.entries:
        if key not in known:
            problem = "no such field" + _suggestion(key, known)
            raise part.fault(key, problem, f"use one of {', '.join(known)}")


def _suggestion(key: str, known: tuple[str, ...]) -> str:
    near = [name for name in known if name.lower().rstrip("s") == key.lower().rstrip("s")]
    return f" (is {near[0]} meant?)" if near else ""


def _expression(part: Part, end: End, scope: Scope) -> Predicate:
    only_fields(part, "key", "operator", "values")
    operator, values = part.text("operator"), part.texts("values")
    label = _label(part, end, scope, part.text("key"), "key")
    if operator not in _OPERATORS:
        problem = f"expected {', '.join(_OPERATORS[:-1])} or {_OPERATORS[-1]}, found {shown(operator or None)}"
        raise part.fault("operator", problem, "name one of the four operators")
    if operator in ("Exists", "DoesNotExist"):
        if values:
            raise part.fault(
                "values", f"{operator} takes no values, found {len(values)}", "remove values, or use In or NotIn"
            )
        return negate(LabelIn(label, None), operator == "DoesNotExist")
    if not values:
        raise part.fault(
            "values", f"{operator} needs at least one value", "list the values, or use Exists or DoesNotExist"
        )
    accepted = frozenset(_value(part, f"values[{index}]", value) for index, value in enumerate(values))
    return negate(LabelIn(label, accepted), operator == "NotIn")


def _label(part: Part, end: End, scope: Scope, key: str, field: str = "matchLabels") -> Label:
    prefix, slash, name = key.rpartition("/")
    if not _NAME.fullmatch(name) or (slash and not (_DOMAIN.fullmatch(prefix) and len(prefix) <= 253)):
        raise part.fault(field, f"expected a label key, found {shown(key or None)}", _KEY_FORM)
    return Label(end, scope, key)


def _value(part: Part, field: str, value: str) -> str:
    if value and not _NAME.fullmatch(value):
        raise part.fault(field, f"expected a label value, found {shown(value)}", _VALUE_FORM)
    return value
