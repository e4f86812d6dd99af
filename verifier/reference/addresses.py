"""Which of the kernel's address types an address has on one node.

Spec: specs/chains/sets.md, specs/chains/predicates.md (PR-9)
"""

from __future__ import annotations

from dataclasses import dataclass

from verifier.model.cluster import Cluster
from verifier.model.node import NodeState


@dataclass(frozen=True, slots=True)
class AddressTypes:
    """The addresses that a node owns, as (family, address), and the broadcast addresses of its networks.

    `known` is False where nothing says which addresses the node has: then only what holds on every node is decided.
    """

    own: frozenset[tuple[int, int]]
    broadcasts: frozenset[int]
    known: bool


def address_types(node: NodeState, cluster: Cluster) -> AddressTypes:
    """The node's addresses from its own dump, or else from its Node object."""
    if node.addresses is not None:
        own = frozenset((entry.family, entry.address) for entry in node.addresses)
        broadcasts = frozenset(
            entry.address | ((1 << (32 - entry.prefix)) - 1)
            for entry in node.addresses
            if entry.family == 4 and entry.prefix < 31
        )
        return AddressTypes(own, broadcasts, known=True)
    listed = cluster.nodes.get(node.name)
    if listed is None:
        return AddressTypes(frozenset(), frozenset(), known=False)
    return AddressTypes(frozenset(listed.addresses), frozenset(), known=True)


def has_type(kind: str, family: int, address: int, types: AddressTypes) -> bool | None:
    """Whether the address has the type `kind` ("@local", ...); None where the node's addresses are not known (PR-9)."""
    return _has_type4(kind, address, types) if family == 4 else _has_type6(kind, address, types)


def _has_type4(kind: str, address: int, types: AddressTypes) -> bool | None:
    """An IPv4 address has exactly one type."""
    if address in (0, 0xFFFFFFFF):
        return kind == "@broadcast"
    if address >> 28 == 0xE:
        return kind == "@multicast"
    if (4, address) in types.own:
        return kind == "@local"
    if address in types.broadcasts or address == 0x7FFFFFFF:
        return kind == "@broadcast"
    if address >> 24 == 127:
        return kind == "@local"
    if not types.known and kind in ("@local", "@broadcast", "@unicast"):
        return None
    return kind == "@unicast"


def _has_type6(kind: str, address: int, types: AddressTypes) -> bool | None:
    """An IPv6 address can have several types: a local one is unicast too."""
    multicast = address >> 120 == 0xFF
    if kind == "@unspec":
        return address == 0
    if kind == "@multicast":
        return multicast
    if kind == "@unicast":
        mapped = address >> 32 == 0xFFFF
        return address != 0 and not multicast and not mapped
    if kind == "@broadcast":
        return False
    if kind == "@local":
        if address == 1 or (6, address) in types.own:
            return True
        return False if types.known else None
    return None  # anycast, unreachable, prohibit and blackhole are answers of a route look-up
