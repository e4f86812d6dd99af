"""Policy rules and predicates in words."""

from __future__ import annotations

from collections.abc import Iterable

from verifier.model.addresses import networks
from verifier.model.fields import NAMESPACE_NAME, PROTOCOL_NAMES, Field, Label, Scope
from verifier.model.policy import Direction, Policy, PolicyRule
from verifier.model.predicate import (
    FALSE,
    TRUE,
    All,
    AnyOf,
    InRange,
    LabelIn,
    Masked,
    Member,
    Named,
    Not,
    Opaque,
    PortNamed,
    Predicate,
    Range,
)

LONGEST = 240


def policy_rule_text(policy: Policy, rule: PolicyRule | None) -> str:
    """What a rule allows, or, without a rule, whom the policy isolates."""
    if rule is None:
        directions = " and ".join(
            f"{direction.value} of {predicate_text(subject, 'every pod')}"
            for direction, subject in sorted(policy.subjects.items(), key=lambda item: item[0].value)
        )
        return shortened(f"isolates {directions}" if directions else "isolates nothing")
    side = "from" if rule.direction is Direction.INGRESS else "to"
    return shortened(
        f"{rule.action.value} {side} {predicate_text(rule.peer, 'anywhere')} on {predicate_text(rule.ports, 'any port')}"
    )


def shortened(text: str) -> str:
    """The text, cut where it is longer than a reader wants."""
    return text if len(text) <= LONGEST else text[: LONGEST - 4].rstrip() + " ..."


def predicate_text(predicate: Predicate, everything: str) -> str:
    """A predicate as a phrase; `everything` is how to say that it always holds."""
    if predicate == TRUE:
        return everything
    if predicate == FALSE:
        return "nothing"
    return _phrase(predicate)


def _phrase(predicate: Predicate) -> str:
    match predicate:
        case All(parts):
            return _conjunction(parts)
        case AnyOf(parts):
            return " or ".join(_phrase(part) for part in parts) or "nothing"
        case Not(LabelIn(label, None)):
            return f"{_label(label)} absent"
        case Not(LabelIn(label, values)) if values is not None:
            return f"{_label(label)} not in ({', '.join(sorted(values))})"
        case Not(InRange(Field.SOURCE | Field.DESTINATION, ranges, family)):
            return f"except {_addresses(ranges, family)}"
        case Not(part):
            return f"not ({_phrase(part)})"
        case LabelIn(label, values):
            return _label_in(label, values)
        case InRange(field, ranges, family):
            return _in_range(field, ranges, family)
        case PortNamed(protocol, name):
            return f"{protocol_word(protocol)} port {name}"
        case Masked(field, value, mask):
            return f"{field.value} {value:#x}/{mask:#x}"
        case Named(field, name, prefix):
            return f"{field.value} {name}{'+' if prefix else ''}"
        case Member(name, directions):
            return f"{','.join(directions)} in {name}"
        case Opaque(text):
            return text


def _conjunction(parts: tuple[Predicate, ...]) -> str:
    """Parts in order; a protocol with its ports reads as one ("tcp 80")."""
    words = []
    for part in parts:
        text = _phrase(part)
        words.append(f"({text})" if isinstance(part, AnyOf) and len(part.parts) > 1 else text)
    protocol = next((part for part in parts if isinstance(part, InRange) and part.field is Field.PROTOCOL), None)
    ports = next((part for part in parts if isinstance(part, InRange) and part.field is Field.DESTINATION_PORT), None)
    if protocol and ports and len(parts) == 2:
        return f"{_phrase(protocol)} {ranges_text(ports.ranges)}"
    return ", ".join(words) or "anything"


def _label(label: Label) -> str:
    if label.scope is Scope.NAMESPACE:
        return "namespace" if label.key == NAMESPACE_NAME else f"namespace {label.key}"
    return label.key


def _label_in(label: Label, values: frozenset[str] | None) -> str:
    if values is None:
        return "every pod" if label.scope is Scope.NAMESPACE and label.key == NAMESPACE_NAME else f"{_label(label)} set"
    listed = sorted(values)
    if label.scope is Scope.NAMESPACE and label.key == NAMESPACE_NAME:
        return f"namespace {' or '.join(listed)}"
    return f"{_label(label)}={listed[0]}" if len(listed) == 1 else f"{_label(label)} in ({', '.join(listed)})"


def _in_range(field: Field, ranges: tuple[Range, ...], family: int) -> str:
    match field:
        case Field.SOURCE | Field.DESTINATION:
            return _addresses(ranges, family)
        case Field.PROTOCOL:
            return " or ".join(_protocols(ranges))
        case Field.DESTINATION_PORT:
            return f"port {ranges_text(ranges)}"
        case _:
            return f"{field.value} {ranges_text(ranges)}"


def _addresses(ranges: Iterable[Range], family: int) -> str:
    spans = tuple(ranges)
    known = family or (6 if any(last >> 32 for _, last in spans) else 4)
    return ", ".join(networks(known, spans))


def _protocols(ranges: Iterable[Range]) -> list[str]:
    return [protocol_word(first) if first == last else f"protocols {first}-{last}" for first, last in ranges]


def protocol_word(number: int) -> str:
    """A protocol as people call it ("tcp", "icmp"), its number where it has no usual name."""
    return PROTOCOL_NAMES.get(number, f"protocol {number}")


def ranges_text(ranges: Iterable[Range]) -> str:
    """Numbers and ranges with commas: "80, 443-445"."""
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
