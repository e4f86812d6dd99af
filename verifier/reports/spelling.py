"""Policy rules and predicates in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from verifier.model.addresses import merge, networks, subtract
from verifier.model.fields import (
    ADDRESS_BITS,
    NAMESPACE_NAME,
    PROTOCOL_NAMES,
    SERVICE_ACCOUNT_NAME,
    End,
    Field,
    Label,
    Scope,
)
from verifier.model.packet import FREE_PORT
from verifier.model.policy import Direction, Policy, PolicyRule
from verifier.model.predicate import (
    FALSE,
    TRUE,
    All,
    AnyOf,
    InRange,
    LabelIn,
    LabelText,
    Masked,
    Member,
    Named,
    Not,
    Opaque,
    PortNamed,
    Predicate,
    Range,
    Thing,
)

LONGEST = 240

LISTED = 4
"""How many networks are listed before the rest is counted."""


def counted(number: int, singular: str, plural: str = "") -> str:
    """ "1 leak", "2 leaks"."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def policy_rule_text(policy: Policy, rule: PolicyRule | None) -> str:
    """What a rule allows, or, without a rule, whom the policy isolates."""
    if rule is None:
        return shortened(f"isolates {_isolated(policy)}")
    side = "from" if rule.direction is Direction.INGRESS else "to"
    return shortened(
        f"{rule.action.value} {side} {predicate_text(rule.peer, 'anywhere')} on {predicate_text(rule.ports, 'any port')}"
    )


def _isolated(policy: Policy) -> str:
    """Directions and subjects; directions with one subject together."""
    subjects: dict[Predicate, list[str]] = {}
    for direction, subject in sorted(policy.subjects.items(), key=lambda item: item[0].value):
        subjects.setdefault(_sourced(subject), []).append(direction.value)
    told = [f"{' and '.join(names)} of {predicate_text(subject, 'every pod')}" for subject, names in subjects.items()]
    return " and ".join(told) or "nothing"


def _sourced(predicate: Predicate) -> Predicate:
    """The predicate with its labels all at one end, so that equal selectors of both directions are equal."""
    match predicate:
        case LabelIn(label, values):
            return LabelIn(replace(label, end=End.SOURCE), values)
        case LabelText(label, test, text):
            return LabelText(replace(label, end=End.SOURCE), test, text)
        case Not(part):
            return Not(_sourced(part))
        case All(parts):
            return All(tuple(map(_sourced, parts)))
        case AnyOf(parts):
            return AnyOf(tuple(map(_sourced, parts)))
        case _:
            return predicate


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
        case LabelText(label, test, text):
            return f"{_label(label)} {test.value} {text!r}"
        case Thing(_, part):
            return predicate_text(part, "all that has labels")
        case InRange(field, ranges, family):
            return _in_range(field, ranges, family)
        case PortNamed(protocol, name, _, end):
            return f"{protocol_word(protocol)} {'source port' if end is End.SOURCE else 'port'} {name}"
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
    if label.scope is Scope.NODE:
        return f"node {label.key}".rstrip()
    if label.scope is Scope.SERVICE_ACCOUNT:
        return "service account" if label.key == SERVICE_ACCOUNT_NAME else f"service account {label.key}"
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
    return networks_text(known, spans)


def networks_text(family: int, ranges: Iterable[Range]) -> str:
    """Networks, with a few exceptions where that is shorter than without; long lists are cut and counted."""
    return _cut([text for text, _ in _blocks(family, merge(ranges))])


def _blocks(family: int, spans: tuple[Range, ...]) -> list[tuple[str, int]]:
    """The spans as networks with exceptions, each with how many networks it names: the fewest by halving."""
    blocks = networks(family, spans)
    if len(blocks) < 3:
        return [(_bare(block), 1) for block in blocks]
    first, last = _enclosing(family, spans)
    missing = networks(family, subtract(((first, last),), spans))
    middle = (first + last) // 2
    halves = [subtract(spans, (gone,)) for gone in ((middle + 1, last), (first, middle))]
    apart = [block for half in halves if half for block in _blocks(family, half)]
    if len(missing) + 1 >= sum(count for _, count in apart):
        return apart
    exceptions = _cut([_bare(block) for block in missing])
    around = networks(family, ((first, last),))[0]
    return [(f"{around} except {exceptions if len(missing) == 1 else f'({exceptions})'}", len(missing) + 1)]


def _enclosing(family: int, spans: tuple[Range, ...]) -> Range:
    """The smallest network around all spans."""
    size = (spans[0][0] ^ spans[-1][1]).bit_length()
    first = spans[0][0] >> size << size
    return first, min(first + (1 << size), 1 << ADDRESS_BITS[family]) - 1


def _bare(block: str) -> str:
    """Single addresses without their prefix length."""
    return block.removesuffix("/32" if "." in block else "/128")


def _cut(blocks: list[str]) -> str:
    rest = len(blocks) - LISTED
    return ", ".join(blocks[:LISTED]) + (f" and {rest} more networks" if rest > 0 else "")


def _protocols(ranges: Iterable[Range]) -> list[str]:
    return [protocol_word(first) if first == last else f"protocols {first}-{last}" for first, last in ranges]


def protocol_word(number: int) -> str:
    """A protocol as people call it ("tcp", "icmp"), its number where it has no usual name."""
    return PROTOCOL_NAMES.get(number, f"protocol {number}")


def ranges_text(ranges: Iterable[Range]) -> str:
    """Numbers and ranges with commas: "80, 443-445"."""
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def port_text(port: str) -> str:
    """A bridge port; "vethwepl+" where no more is known of its name than how it begins."""
    return port.removesuffix(FREE_PORT) + "+" if port.endswith(FREE_PORT) else port
