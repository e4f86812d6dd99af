"""Why a test holds for a packet, or does not, in words that a network engineer would use."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from verifier.model.addresses import address_text, networks
from verifier.model.fields import PROTOCOL_NAMES, ConnState, Field
from verifier.model.ipset import IpSet, SetMember
from verifier.model.packet import Packet
from verifier.model.predicate import All, AnyOf, InRange, Masked, Member, Named, Not, PortNamed, Predicate, Range
from verifier.reference.predicates import NAME, READ, holds
from verifier.reference.sets import decisive, is_member
from verifier.reference.view import View

LISTED = 4
"""How many ranges or networks a phrase lists."""


def conjuncts(predicate: Predicate) -> tuple[Predicate, ...]:
    """The tests that must all hold."""
    return predicate.parts if isinstance(predicate, All) else (predicate,)


def failing(predicate: Predicate, packet: Packet, view: View) -> tuple[Predicate, ...]:
    """Those of the tests that do not hold for the packet."""
    return tuple(part for part in conjuncts(predicate) if holds(part, packet, view) is not True)


def memberships(predicate: Predicate, packet: Packet, view: View) -> tuple[str, ...]:
    """For each set that a rule asks and finds the packet in: which entry of it decides."""
    return tuple(
        _in_set(part, packet, view)
        for part in conjuncts(predicate)
        if isinstance(part, Member) and not part.name.startswith("@") and holds(part, packet, view)
    )


def why_not(test: Predicate, packet: Packet, view: View) -> str:
    """Why a test that a rule makes does not hold for the packet."""
    match test:
        case Member(name) if not name.startswith("@"):
            return _not_in_set(test, packet, view)
        case Not(Member(name) as part) if not name.startswith("@"):
            return _in_set(part, packet, view)
        case Member(name):
            return f"{_end(test, packet)} has not the address type {name[1:]}"
        case InRange(field, ranges, _):
            return f"its {_value(field, packet)} is not {_ranges(field, ranges, packet.family)}"
        case Not(InRange(field, ranges, _)):
            return f"its {_value(field, packet)} is {_ranges(field, ranges, packet.family)}"
        case Named(field, name, prefix):
            return f"its {field.value} is {NAME[field](packet) or 'none'}, not {name}{'+' if prefix else ''}"
        case Masked(field, value, mask):
            return f"its {field.value} is {READ[field](packet) or 0:#x}, not {value:#x}/{mask:#x}"
        case Not(Masked(field, value, mask)):
            return f"its {field.value} is {value:#x}/{mask:#x}"
        case PortNamed(_, name, _, end):
            return f"its {end.value} port is not called {name}"
        case AnyOf(parts) if parts:
            return why_not(parts[0], packet, view) if len(parts) == 1 else "none of its alternatives fits"
        case All(parts):
            return " and ".join(why_not(part, packet, view) for part in parts if holds(part, packet, view) is not True)
        case _:
            return "one of its tests does not hold"


def left_out(peer: Predicate, field: Field, packet: Packet, view: View) -> tuple[Range, ...]:
    """The addresses that a peer's block excepts and among which the packet's end is, () where there are none."""
    address = packet.source if field is Field.SOURCE else packet.destination
    for part in peer.parts if isinstance(peer, AnyOf) else (peer,):
        match part:
            case InRange(tested, ranges, family) if tested is field and family in (0, packet.family):
                hole = next((gap for gap in _gaps(ranges) if gap[0] <= address <= gap[1]), None)
                if hole is not None and holds(part, packet, view) is False:
                    return (hole,)
    return ()


def _gaps(ranges: tuple[Range, ...]) -> Iterator[Range]:
    for before, after in pairwise(ranges):
        yield before[1] + 1, after[0] - 1


def _in_set(test: Member, packet: Packet, view: View) -> str:
    found, entry = _hit(test, packet, view)
    if entry is None or found is None:
        return f"set {test.name} holds {_end(test, packet)}"
    where = "" if found.name == test.name else f", through its element {found.name},"
    by_entry = "" if _end(test, packet).endswith(f" {entry.text}") else f" by its entry {entry.text}"
    return f"set {test.name}{where} holds {_end(test, packet)}{by_entry}"


def _not_in_set(test: Member, packet: Packet, view: View) -> str:
    _, entry = _hit(test, packet, view)
    if entry is not None and entry.nomatch:
        return f"the entry {entry.text} of set {test.name} leaves {_end(test, packet)} out"
    return f"set {test.name} does not hold {_end(test, packet)}"


def left_out_of_set(test: Predicate, packet: Packet, view: View) -> bool:
    """Whether an exception in a set is why the test does not hold."""
    if not isinstance(test, Member) or test.name.startswith("@"):
        return False
    entry = _hit(test, packet, view)[1]
    return entry is not None and entry.nomatch


def _hit(test: Member, packet: Packet, view: View) -> tuple[IpSet | None, SetMember | None]:
    """The set and the entry that decide; of a list, those of the element that says yes, else the first that says no."""
    found = view.sets.get(test.name) if view.sets is not None else None
    if found is None or view.sets is None:
        return None, None
    candidates = [view.sets[name] for name in found.content.lists if name in view.sets] or [found]
    hits = [(each, decisive(each, test.directions, packet, view)) for each in candidates]
    for each, entry in hits:
        if entry is not None and is_member(Member(each.name, test.directions, test.nomatch), packet, view):
            return each, entry
    return next(((each, entry) for each, entry in hits if entry is not None), (None, None))


def _end(test: Member, packet: Packet) -> str:
    """What the packet offers to a set, dimension by dimension."""
    first = packet.source if test.directions[0] == "src" else packet.destination
    name = "source" if test.directions[0] == "src" else "destination"
    return f"{name} {address_text(packet.family, first)}"


def _value(field: Field, packet: Packet) -> str:
    value = READ[field](packet)
    match field:
        case _ if value is None:
            return f"{field.value} (there is none)"
        case Field.SOURCE | Field.DESTINATION:
            return f"{field.value} {address_text(packet.family, value)}"
        case Field.PROTOCOL:
            return f"protocol {PROTOCOL_NAMES.get(value, value)}"
        case Field.STATE:
            return f"state {ConnState(value).name}"
        case _:
            return f"{field.value} {value}"


def _ranges(field: Field, ranges: tuple[Range, ...], family: int) -> str:
    match field:
        case Field.SOURCE | Field.DESTINATION:
            return listed([text.removesuffix("/32" if family == 4 else "/128") for text in networks(family, ranges)])
        case Field.PROTOCOL:
            return listed([str(PROTOCOL_NAMES.get(first, first)) for first, _ in ranges])
        case Field.STATE:
            return listed([ConnState(state).name for first, last in ranges for state in range(first, last + 1)])
        case _:
            return listed([str(first) if first == last else f"{first}-{last}" for first, last in ranges])


def listed(texts: list[str]) -> str:
    """The texts with commas, the rest counted where there are many."""
    shown = ", ".join(texts[:LISTED])
    return shown if len(texts) <= LISTED else f"{shown} and {len(texts) - LISTED} more"
