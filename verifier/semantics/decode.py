"""Masks back into the user's terms: address ranges, protocols, ports, and the simplest packet of a box."""

from __future__ import annotations

from dataclasses import dataclass

from verifier.model.fields import DCCP, ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE, ConnState, Field
from verifier.model.predicate import Range
from verifier.semantics.line import Line
from verifier.semantics.services import ICMP_NEW, Block, Services, Values, feasible_new_flags

LIKED_PORTS = (80, 443, 8080, 53)
COMMON_SOURCE_PORT = 40000
WHOLE = ((0, 65535),)


@dataclass(frozen=True, slots=True)
class ServiceBox:
    """A product of service fields; ranges are whole where the protocol has no such field or nothing tells it apart."""

    protocols: tuple[int, ...]
    destination_ports: tuple[Range, ...] = WHOLE
    source_ports: tuple[Range, ...] = WHOLE
    icmp: tuple[Range, ...] = WHOLE
    tcp_flags: tuple[int, ...] | None = None
    ct_status: tuple[int, ...] | None = None


ICMP_USUAL = {ConnState.RELATED: {ICMP: (3,), ICMPV6: (1,)}, ConnState.ESTABLISHED: {ICMP: (0,), ICMPV6: (129,)}}
"""The ICMP types that a packet of a known connection has: destination unreachable, echo reply (U-21, U-22)."""


@dataclass(frozen=True, slots=True)
class Service:
    """One concrete service."""

    protocol: int
    destination_port: int = 0
    source_port: int = 0
    icmp: int = 0
    tcp_flags: int = 0
    ct_status: int = 0


def service_boxes(services: Services, mask: int) -> list[ServiceBox]:
    """A service mask as few boxes; protocols with the same ports share one."""
    shared: dict[tuple[object, ...], tuple[tuple[int, ...], dict[Field, int]]] = {}
    for block in services.blocks:
        inside = (mask >> block.offset) & ((1 << block.size) - 1)
        for chosen in _products(block, inside, 0):
            key = tuple((f, m) for f, m in chosen if services.axes[f].all != m)
            known = shared.get(key)
            protocols = (known[0] if known else ()) + block.protocols
            shared[key] = (protocols, dict(key))
    return [_service_box(services, protocols, chosen) for protocols, chosen in shared.values()]


def _products(block: Block, mask: int, position: int) -> list[list[tuple[Field, int]]]:
    """Cells of a block from one field on as products: equal slices of the field are taken together."""
    if not mask:
        return []
    if position == len(block.fields):
        return [[]]
    inner = 1
    for axis in block.axes[position + 1 :]:
        inner *= axis.count
    slices: dict[int, int] = {}
    for index in range(block.axes[position].count):
        part = (mask >> (index * inner)) & ((1 << inner) - 1)
        if part:
            slices[part] = slices.get(part, 0) | 1 << index
    out: list[list[tuple[Field, int]]] = []
    for part, chosen in slices.items():
        out.extend([(block.fields[position], chosen), *rest] for rest in _products(block, part, position + 1))
    return out


def _service_box(services: Services, protocols: tuple[int, ...], chosen: dict[Field, int]) -> ServiceBox:
    def ranges(field: Field) -> tuple[Range, ...]:
        axis = services.axes[field]
        assert isinstance(axis, Line)
        return axis.ranges(chosen[field]) if field in chosen else WHOLE

    def values(field: Field) -> tuple[int, ...] | None:
        axis = services.axes[field]
        assert isinstance(axis, Values)
        return tuple(axis.values(chosen[field])) if field in chosen else None

    return ServiceBox(
        tuple(sorted(protocols)),
        ranges(Field.DESTINATION_PORT),
        ranges(Field.SOURCE_PORT),
        ranges(Field.ICMP),
        values(Field.TCP_FLAGS),
        values(Field.CT_STATUS),
    )


def simplest_service(box: ServiceBox, state: ConnState) -> Service:
    """The most ordinary packet of a box in a state, one that can exist (U-20)."""
    protocol = next((p for p in (TCP, UDP, SCTP) if p in box.protocols), box.protocols[0])
    status = 0 if box.ct_status is None else min(box.ct_status)
    if protocol in ICMP_NEW:
        wanted = ICMP_USUAL.get(state, ICMP_NEW)[protocol][0] * 256
        return Service(protocol, icmp=wanted if inside(wanted, box.icmp) else box.icmp[0][0], ct_status=status)
    if protocol not in (TCP, UDP, SCTP, UDPLITE, DCCP):
        return Service(protocol, ct_status=status)
    port = simplest_port(box.destination_ports)
    from_port = COMMON_SOURCE_PORT if inside(COMMON_SOURCE_PORT, box.source_ports) else _lowest(box.source_ports)
    flags = _flags(box.tcp_flags, state) if protocol == TCP else 0
    return Service(protocol, port, from_port, 0, flags, status)


def _flags(allowed: tuple[int, ...] | None, state: ConnState) -> int:
    usual = 2 if state is ConnState.NEW else 16
    if allowed is None or usual in allowed:
        return usual
    if state is ConnState.NEW:
        return next((flags for flags in allowed if feasible_new_flags(flags)), allowed[0])
    return allowed[0]


def simplest_port(ranges: tuple[Range, ...]) -> int:
    """A well-known port where there is one, else the lowest."""
    return next((port for port in LIKED_PORTS if inside(port, ranges)), _lowest(ranges))


def inside(value: int, ranges: tuple[Range, ...]) -> bool:
    """Whether one of the ranges holds the value."""
    return any(lo <= value <= hi for lo, hi in ranges)


def _lowest(ranges: tuple[Range, ...]) -> int:
    """The lowest value, port 0 only where there is no other."""
    return next((max(lo, 1) for lo, hi in ranges if hi > 0), 0)


def simplest_address(line: Line, mask: int, pods: int) -> int:
    """A pod's address where there is one, else the first host of the widest range."""
    liked = mask & pods or mask
    if liked & pods:
        low = liked & -liked
        return line.first(low.bit_length() - 1)
    first, last = max(line.ranges(liked), key=lambda r: (r[1] - r[0], -r[0]))
    return first + 1 if last - first > 1 else first
