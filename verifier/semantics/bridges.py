"""Which addresses a bridge reaches without a router.

Spec: specs/universe.md
"""

from __future__ import annotations

from verifier.model.node import NodeState
from verifier.model.predicate import Range
from verifier.model.profile import Bridge
from verifier.semantics.cuts import SPECIAL, WIDTH


def bridged_networks(family: int, node: NodeState, bridge: Bridge | None) -> tuple[Range, ...]:
    """The bridge's networks: by its own addresses, else by the routes through it, else as the dump says; () unknown (U-42)."""
    if bridge is None:
        return ()
    width = WIDTH[family]
    inner = SPECIAL[family].get("link-local", ())
    attached = {
        (known.address >> host << host, (known.address >> host << host) | (1 << host) - 1)
        for known in node.addresses or ()
        if known.family == family and known.interface == bridge.interface
        for host in [width - known.prefix]
        if host and not any(lo <= known.address <= hi for lo, hi in inner)
    }
    routed = {
        (route.first, route.last)
        for route in node.routes or ()
        if route.family == family and route.interface == bridge.interface
        if (route.first, route.last) != (0, (1 << width) - 1)
        if not any(lo <= route.first <= hi for lo, hi in inner)
    }
    return tuple(sorted(attached or routed)) or bridge.networks.get(family, ())
