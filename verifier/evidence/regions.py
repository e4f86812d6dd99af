"""Regions as few boxes: containment, size, and joining boxes that differ in one dimension only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

from verifier.model.addresses import merge
from verifier.model.fields import ICMP, ICMPV6, TCP, has_ports
from verifier.model.finding import Box, Endpoint
from verifier.model.packet import Packet
from verifier.model.predicate import Range

DIMENSIONS = tuple(each.name for each in fields(Box))
RANGED = ("source", "destination", "source_ports", "destination_ports", "icmp")


def contains(box: Box, packet: Packet) -> bool:
    """Whether the packet lies in the box; a field that the packet does not have excludes nothing."""
    ported = has_ports(packet.protocol)
    return (
        _within(box.source, packet.source)
        and _within(box.destination, packet.destination)
        and (box.protocols is None or packet.protocol in box.protocols)
        and packet.state in box.states
        and (not ported or _within(box.source_ports, packet.source_port))
        and (not ported or _within(box.destination_ports, packet.destination_port))
        and (packet.protocol not in (ICMP, ICMPV6) or _within(box.icmp, packet.icmp))
        and (packet.protocol != TCP or box.tcp_flags is None or packet.tcp_flags in box.tcp_flags)
        and _sent_so(box, packet)
        and (box.ct_status is None or packet.ct_status in box.ct_status)
        and (not box.in_interfaces or packet.in_interface in box.in_interfaces)
        and (not box.out_interfaces or packet.out_interface in box.out_interfaces)
    )


def _sent_so(box: Box, packet: Packet) -> bool:
    """Whether the packet was sent where those of the box were: to their destination itself, or to where it was not."""
    if packet.original is None:
        return not box.through
    address, port = packet.original
    return any(
        _within(each.addresses, address) and packet.protocol in each.protocols and _within(each.ports, port)
        for each in box.through
    )


def _within(ranges: Iterable[Range], value: int) -> bool:
    return any(first <= value <= last for first, last in ranges)


def size(region: Iterable[Box]) -> int:
    """How many combinations of addresses, ports and protocols the boxes hold, added up."""
    total = 0
    for box in region:
        count = len(box.protocols) if box.protocols is not None else 256
        for ranges in (box.source, box.destination, box.source_ports, box.destination_ports):
            count *= sum(last - first + 1 for first, last in ranges)
        total += count * len(box.states)
    return total


def join(boxes: Iterable[Box]) -> tuple[Box, ...]:
    """The same packets as fewer boxes: those equal in all dimensions but one become one, until none are left.

    What was sent here and what was sent on are never in one box.
    """
    current = list(dict.fromkeys(boxes))
    joined = True
    while joined and len(current) > 1:
        joined = False
        for dimension in DIMENSIONS:
            shorter = _join_along(dimension, current)
            joined = joined or len(shorter) < len(current)
            current = shorter
    return tuple(sorted(current, key=_order))


def _join_along(dimension: str, boxes: list[Box]) -> list[Box]:
    alike: dict[tuple[object, ...], list[Box]] = {}
    for box in boxes:
        others = (bool(box.through), *(getattr(box, name) for name in DIMENSIONS if name != dimension))
        alike.setdefault(others, []).append(box)
    return [_united(dimension, group) for group in alike.values()]


def _united(dimension: str, group: list[Box]) -> Box:
    if len(group) == 1:
        return group[0]
    values = [getattr(box, dimension) for box in group]
    united: Any
    if dimension in RANGED:
        united = merge(one for ranges in values for one in ranges)
    elif dimension == "through":
        united = endpoints(one for listed in values for one in listed)
    elif None in values:  # protocols and flags: all of them
        united = None
    elif () in values:  # interfaces: any
        united = ()
    else:
        united = tuple(sorted({one for listed in values for one in listed}))
    return replace(group[0], **{dimension: united})


def endpoints(found: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
    """The same places as fewer products: first by their ports, then by their addresses."""
    ports: dict[tuple[object, ...], list[Endpoint]] = {}
    for each in found:
        ports.setdefault((each.addresses, each.protocols), []).append(each)
    by_ports = [replace(group[0], ports=merge(r for one in group for r in one.ports)) for group in ports.values()]
    addresses: dict[tuple[object, ...], list[Endpoint]] = {}
    for each in by_ports:
        addresses.setdefault((each.protocols, each.ports), []).append(each)
    return tuple(
        sorted(
            replace(group[0], addresses=merge(r for one in group for r in one.addresses))
            for group in addresses.values()
        )
    )


def _order(box: Box) -> tuple[object, ...]:
    whole = tuple(range(256))
    return (box.destination, box.source, box.protocols or whole, box.destination_ports, box.source_ports, box.icmp,
            box.states, box.tcp_flags or (), box.in_interfaces, box.out_interfaces, box.ct_status or (),
            box.through)  # fmt: skip
