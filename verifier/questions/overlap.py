"""What two regions have in common, and what one has that the other has not, exactly.

Spec: specs/questions/cause.md (WHY-6)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from verifier.model.addresses import subtract
from verifier.model.fields import ICMP, ICMPV6, TCP, ConnState, has_ports
from verifier.model.finding import Box, Endpoint
from verifier.model.predicate import Range
from verifier.semantics.services import ICMP_NEW, feasible_new_flags, valid_flags

PROTOCOLS = tuple(range(256))
STATUSES = (0, 1, 2, 3)
WHOLE: tuple[Range, ...] = ((0, 65535),)
LATER = (ConnState.ESTABLISHED, ConnState.RELATED)
RANGED = ("destination", "source", "destination_ports", "source_ports", "icmp")
INTERFACES = ("in_interfaces", "out_interfaces")
LISTED = ("protocols", "states", "tcp_flags", "ct_status")
DIMENSIONS = (
    "destination",
    "source",
    "protocols",
    "destination_ports",
    "states",
    "source_ports",
    "tcp_flags",
    "icmp",
    *INTERFACES,
    "ct_status",
    "through",
)


def plain(boxes: Iterable[Box]) -> list[Box]:
    """The same packets as boxes of one sort of protocol and state each.

    A field that does not exist is whole in them, and one that matters is restricted to values with which a packet can
    exist, so that two worlds that cut a field differently are compared on the packets that there are.
    """
    sorts = (one for box in boxes for states in _epochs(box.states) for one in _sorts(replace(box, states=states)))
    return [one for one in sorts if one.tcp_flags != () and one.icmp]


def _epochs(states: tuple[ConnState, ...]) -> Iterator[tuple[ConnState, ...]]:
    new = tuple(state for state in states if state is ConnState.NEW)
    later = tuple(state for state in states if state in LATER)
    others = tuple(state for state in states if state is not ConnState.NEW and state not in LATER)
    return (epoch for epoch in (new, later, others) if epoch)


def _sorts(box: Box) -> Iterator[Box]:
    sorts: dict[tuple[bool, int], list[int]] = {}
    for protocol in PROTOCOLS if box.protocols is None else box.protocols:
        alone = protocol if protocol in (TCP, ICMP, ICMPV6) else 0
        sorts.setdefault((has_ports(protocol), alone), []).append(protocol)
    known = ConnState.NEW in box.states or box.states[0] in LATER
    for (ported, alone), protocols in sorts.items():
        yield replace(
            box,
            protocols=tuple(protocols),
            source_ports=box.source_ports if ported else WHOLE,
            destination_ports=box.destination_ports if ported else WHOLE,
            icmp=_types(box, alone),
            tcp_flags=_flags(box) if alone == TCP else None,
            ct_status=box.ct_status or (STATUSES if known else (0,)),
        )


def _flags(box: Box) -> tuple[int, ...]:
    possible = _possible_flags(box.states[0])
    return possible if box.tcp_flags is None else tuple(flags for flags in box.tcp_flags if flags in possible)


@lru_cache(maxsize=8)
def _possible_flags(state: ConnState) -> tuple[int, ...]:
    test: Callable[[int], bool] = feasible_new_flags if state is ConnState.NEW else valid_flags
    return tuple(flags for flags in range(256) if state not in (ConnState.NEW, *LATER) or test(flags))


def _types(box: Box, protocol: int) -> tuple[Range, ...]:
    if protocol not in ICMP_NEW:
        return WHOLE
    if ConnState.NEW not in box.states:
        return box.icmp
    return _within(box.icmp, tuple((kind << 8, kind << 8 | 255) for kind in ICMP_NEW[protocol]))


def common(some: Iterable[Box], others: Iterable[Box]) -> list[Box]:
    """The packets of both; both plain, the second disjoint among themselves for the outcome to be so."""
    listed = list(others)
    return [met for box in some for other in listed if (met := _meet(box, other)) is not None]


def without(some: Iterable[Box], others: Iterable[Box]) -> list[Box]:
    """The packets of the first that are in none of the others; both plain."""
    left = list(some)
    for other in others:
        if not left:
            break
        left = [piece for box in left for piece in _cut(box, other)]
    return left


def _meet(one: Box, other: Box) -> Box | None:
    if one == other:
        return one
    met: dict[str, Any] = {}
    for name in DIMENSIONS:
        shared = _shared(name, getattr(one, name), getattr(other, name))
        if shared is NOTHING:
            return None
        met[name] = shared
    return Box(**met)


def _cut(box: Box, other: Box) -> Iterator[Box]:
    """The box without the other, as disjoint boxes: peeled off one dimension after the other."""
    met = _meet(box, other)
    if met is None:
        yield box
        return
    for name in DIMENSIONS:
        rest = _rest(name, getattr(box, name), getattr(other, name))
        if rest is not NOTHING:
            yield replace(box, **{name: rest})
            box = replace(box, **{name: getattr(met, name)})


NOTHING = object()
"""No value of a dimension at all, where () stands for any interface."""


def _shared(name: str, mine: Any, theirs: Any) -> Any:
    if mine is theirs or mine == theirs:
        return mine
    if name in RANGED:
        return _within(mine, theirs) or NOTHING
    if name in INTERFACES and not (mine and theirs):
        return mine or theirs
    if name == "through":
        return tuple(met for one in mine for other in theirs if (met := _meeting(one, other))) or NOTHING
    if mine is None or theirs is None:
        return theirs if mine is None else mine
    return tuple(value for value in mine if value in theirs) or NOTHING


def _meeting(one: Endpoint, other: Endpoint) -> Endpoint | None:
    """What was sent to both: the same addresses, protocols and ports."""
    addresses, ports = _within(one.addresses, other.addresses), _within(one.ports, other.ports)
    protocols = tuple(protocol for protocol in one.protocols if protocol in other.protocols)
    return Endpoint(addresses, protocols, ports) if addresses and protocols and ports else None


def _outside(one: Endpoint, other: Endpoint) -> Iterator[Endpoint]:
    """What was sent to the one and not to the other."""
    met = _meeting(one, other)
    if met is None:
        yield one
        return
    if elsewhere := subtract(one.addresses, other.addresses):
        yield replace(one, addresses=elsewhere)
    if otherwise := tuple(protocol for protocol in one.protocols if protocol not in other.protocols):
        yield Endpoint(met.addresses, otherwise, one.ports)
    if beside := subtract(one.ports, other.ports):
        yield Endpoint(met.addresses, met.protocols, beside)


def _within(some: tuple[Range, ...], others: tuple[Range, ...]) -> tuple[Range, ...]:
    return subtract(some, subtract(some, others))


def _rest(name: str, mine: Any, theirs: Any) -> Any:
    """What of a dimension the other does not have; all interfaces but a few have no name and stay all of them."""
    if mine is theirs or mine == theirs:
        return NOTHING
    if name in RANGED:
        return subtract(mine, theirs) or NOTHING
    if name in INTERFACES and not (mine and theirs):
        return mine if theirs else NOTHING
    if name == "through":
        left = list(mine)
        for other in theirs:
            left = [piece for one in left for piece in _outside(one, other)]
        return tuple(left) or NOTHING
    return tuple(value for value in mine if value not in theirs) or NOTHING


def tidy(boxes: Iterable[Box]) -> tuple[Box, ...]:
    """Plain boxes as reports show them: a field is given only where it leaves something out that can exist."""
    return tuple(
        replace(
            box,
            tcp_flags=None if box.tcp_flags == _possible_flags(box.states[0]) else box.tcp_flags,
            ct_status=None if box.ct_status == STATUSES or ConnState.INVALID in box.states else box.ct_status,
        )
        for box in boxes
    )
