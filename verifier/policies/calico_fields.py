"""What the fields of Calico's rules say of a packet by themselves: protocols, ports, ICMP, networks, IP versions.

Spec: specs/policies/calico_network_policy.md
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from verifier.model.addresses import merge, parse_address, whole
from verifier.model.document import Part, shown
from verifier.model.fields import ADDRESS_BITS, ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE, Field
from verifier.model.policy import Action
from verifier.model.predicate import InRange, Predicate, Range, all_of, equals, negate
from verifier.policies.selectors import only_fields

WITH_PORTS = (TCP, UDP, SCTP, UDPLITE)
_PORT_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,128}")
_PORT_RANGE = re.compile(r"([0-9]{1,5}):([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Wording:
    """How an API version calls actions (None: one that decides nothing) and protocols."""

    actions: Mapping[str, Action | None]
    protocols: Mapping[str, int]


V3 = Wording(
    {"Allow": Action.ALLOW, "Deny": Action.DENY, "Log": None, "Pass": Action.PASS},
    {"TCP": TCP, "UDP": UDP, "ICMP": ICMP, "ICMPv6": ICMPV6, "SCTP": SCTP, "UDPLite": UDPLITE},
)
V1 = Wording(
    {"allow": Action.ALLOW, "deny": Action.DENY, "log": None, "pass": Action.PASS, "next-tier": Action.PASS},
    {"tcp": TCP, "udp": UDP, "icmp": ICMP, "icmpv6": ICMPV6, "sctp": SCTP, "udplite": UDPLITE},
)


def action(rule: Part, wording: Wording) -> Action | None:
    """What a rule does with the packets that it matches; None where that decides nothing (CPO-6)."""
    name = rule.text("action")
    if name not in wording.actions:
        problem = f"expected {_listed(wording.actions)}, found {shown(name or None)}"
        raise rule.fault("action", problem, "name one of the actions, spelt like this")
    return wording.actions[name]


def protocol(rule: Part, key: str, wording: Wording) -> int | None:
    """The protocol in a field, a name or a number; None where the field is absent (CPO-10)."""
    value = rule.entries.get(key)
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if type(value) is int and 0 < value < 256:
        return value
    found = wording.protocols.get(value) if isinstance(value, str) else None
    if found is None:
        problem = f"expected {_listed(wording.protocols)} or 1 to 255, found {shown(value)}"
        raise rule.fault(key, problem, "name a protocol, spelt like this, or give its number")
    return found


def icmp(rule: Part, key: str) -> Predicate | None:
    """An ICMP type, or one of its codes; None where the field is absent (CPO-12)."""
    part = rule.part(key)
    if part is None:
        return None
    only_fields(part, "type", "code")
    kind, code = _byte(part, "type"), _byte(part, "code")
    if kind is None:
        if code is not None:
            raise part.fault("code", "a code needs its type", "give the type as well")
        return InRange(Field.ICMP, ((0, 65535),))
    first = kind * 256 + (code or 0)
    return InRange(Field.ICMP, ((first, first if code is not None else first + 255),))


def _byte(part: Part, key: str) -> int | None:
    value = part.number(key)
    if value is not None and not 0 <= value <= 255:
        raise part.fault(key, f"expected 0 to 255, found {value}", "give the number that the packets carry")
    return value


def ports(part: Part, key: str) -> tuple[tuple[Range, ...], tuple[str, ...]]:
    """The numbers and the names in a list of ports (CPO-11)."""
    numbers: list[Range] = []
    names: list[str] = []
    for index, value in enumerate(part.items(key)):
        found = _port(part, f"{key}[{index}]", value)
        if isinstance(found, str):
            names.append(found)
        else:
            numbers.append(found)
    return merge(numbers), tuple(dict.fromkeys(names))


def _port(part: Part, name: str, value: object) -> Range | str:
    if isinstance(value, str):
        match = _PORT_RANGE.fullmatch(value)
        number = value.isascii() and value.isdigit()
        if match is None and not number and _PORT_NAME.fullmatch(value):
            return value
        ends = (int(match[1]), int(match[2])) if match else (int(value),) * 2 if number else None
    else:
        ends = (value, value) if type(value) is int else None
    if ends is None or not 0 <= ends[0] <= ends[1] < 65536:
        problem = f"expected a port, a range like 8000:8100 or the name of a port, found {shown(value)}"
        raise part.fault(name, problem, "ports are 0 to 65535, the first of a range not above its last")
    return ends


def networks(part: Part, keys: tuple[str, ...]) -> dict[int, list[Range]]:
    """The networks in some fields by family; an address with a prefix stands for its network (CPO-13)."""
    found: dict[int, list[Range]] = {}
    for name, text in _texts(part, keys):
        family, span = network(part, name, text)
        found.setdefault(family, []).append(span)
    return found


def _texts(part: Part, keys: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for key in keys:
        if isinstance(part.entries.get(key), str):
            yield key, part.text(key)
        else:
            yield from ((f"{key}[{index}]", text) for index, text in enumerate(part.texts(key)))


def network(part: Part, name: str, text: str) -> tuple[int, Range]:
    """One network as Calico reads it: host bits are masked, an address alone is itself."""
    address, slash, length = text.partition("/")
    try:
        family, value = parse_address(address)
    except ValueError:
        family, value = 0, 0
    bits = ADDRESS_BITS.get(family, 0)
    if not family or (slash and not (length.isascii() and length.isdigit() and int(length) <= bits)):
        problem = f"expected a network, found {shown(text or None)}"
        raise part.fault(name, problem, "write a network like 10.0.0.0/8 or fd00::/64")
    host = (1 << (bits - int(length))) - 1 if slash else 0
    return family, (value & ~host, value | host)


def family_of(rule: Part, found: Iterator[int]) -> int:
    """The one family that a rule is about, by its IP version and its networks; 0 where it is about both (CPO-14)."""
    family = rule.number("ipVersion") or 0
    if family not in (0, 4, 6):
        raise rule.fault("ipVersion", f"expected 4 or 6, found {family}", "leave it out where the rule is for both")
    for each in found:
        if family and each != family:
            problem = f"a network of IPv{each} stands in a rule for IPv{family}"
            raise rule.fault("", problem, "write one rule for each IP version")
        family = each
    return family


def of_family(family: int) -> Predicate:
    """The packet is of this family."""
    return InRange(Field.SOURCE, whole(family), family)


def about(rule: Part, wording: Wording) -> list[Predicate]:
    """What a rule asks of protocol and ICMP (CPO-10, CPO-12)."""
    number, other = protocol(rule, "protocol", wording), protocol(rule, "notProtocol", wording)
    asked: list[Predicate] = []
    if number is not None:
        asked.append(equals(Field.PROTOCOL, number))
    if other is not None:
        asked.append(negate(equals(Field.PROTOCOL, other)))
    kind, other_kind = icmp(rule, "icmp"), icmp(rule, "notICMP")
    if kind is not None:
        if number not in (ICMP, ICMPV6):
            problem = "types of ICMP need the protocol ICMP or ICMPv6"
            raise rule.fault("icmp", problem, "name the protocol")
        asked.append(kind)
    if other_kind is not None:
        asked.append(negate(other_kind))
    return asked


def numbered(field: Field, ranges: tuple[Range, ...]) -> Predicate:
    """The port is one of these numbers."""
    return all_of(InRange(field, ranges))


def _listed(words: Mapping[str, object]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}"
