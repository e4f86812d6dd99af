"""Which addresses a bridge reaches without a router.

Spec: specs/universe.md (U-42)
"""

from __future__ import annotations

from collections.abc import Mapping

from verifier.model.node import NodeState
from verifier.model.predicate import Range
from verifier.model.profile import Bridge

WIDTH = {4: 32, 6: 128}
LINK_LOCAL = 0x3FA
"""The first ten bits of the IPv6 addresses that stay on a link."""


def networks_of(node: NodeState, bridge: Bridge | None) -> Mapping[int, tuple[Range, ...]]:
    """What a bridge reaches without a router, by family; a family is absent where nothing tells (U-42)."""
    found: dict[int, tuple[Range, ...]] = {}
    for family in (4, 6) if bridge else ():
        assert bridge is not None
        ranges = _attached(node, bridge, family) or _routed(node, bridge, family)
        if ranges or bridge.networks.get(family):
            found[family] = tuple(ranges) or bridge.networks[family]
    return found


def _attached(node: NodeState, bridge: Bridge, family: int) -> list[Range]:
    out = []
    for entry in node.addresses or ():
        if entry.interface != bridge.interface or entry.family != family or entry.prefix == WIDTH[family]:
            continue
        if family == 6 and entry.address >> 118 == LINK_LOCAL:
            continue
        size = 1 << (WIDTH[family] - entry.prefix)
        first = entry.address - entry.address % size
        out.append((first, first + size - 1))
    return out


def _routed(node: NodeState, bridge: Bridge, family: int) -> list[Range]:
    out = []
    for route in node.routes or ():
        everywhere = route.first == 0 and route.last == (1 << WIDTH[family]) - 1
        if route.family != family or route.interface != bridge.interface or everywhere:
            continue
        if family == 6 and route.first >> 118 == LINK_LOCAL:
            continue
        out.append((route.first, route.last))
    return out
