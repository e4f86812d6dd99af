"""One node of a snapshot: its rules, sets, addresses and routes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from verifier.model.ipset import IpSet
from verifier.model.ruleset import Ruleset

NODE_SETS = (
    "@local",
    "@broadcast",
    "@multicast",
    "@unicast",
    "@anycast",
    "@unspec",
    "@blackhole",
    "@unreachable",
    "@prohibit",
)
"""Address types as `-m addrtype` names them; Member("@local", ("src",)) asks for the source address."""


@dataclass(frozen=True, slots=True)
class InterfaceAddress:
    """An address that the node owns: interface, family, address, prefix length."""

    interface: str
    family: int
    address: int
    prefix: int


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the node: destination network (first, last), the interface it leaves by ("" for none) and its type."""

    family: int
    first: int
    last: int
    interface: str
    kind: str = "unicast"


@dataclass(frozen=True, slots=True, eq=False)
class NodeState:
    """What was read from nodes/NAME. `missing` names the files that were not there; None stands for "not read"."""

    name: str
    rulesets: Mapping[int, Ruleset] = field(default_factory=dict)
    sets: Mapping[str, IpSet] | None = None
    addresses: tuple[InterfaceAddress, ...] | None = None
    interfaces: tuple[str, ...] | None = None
    routes: tuple[Route, ...] | None = None
    missing: tuple[str, ...] = ()
