"""Sets of addresses, ports and other sets, by content.

Spec: specs/chains/sets.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from verifier.model.origin import Origin


@dataclass(frozen=True, slots=True)
class AddressPart:
    """An address or network: first and last address included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class PortPart:
    """A port range of one protocol; for ICMP "port" is type * 256 + code. `protocol` None: TCP or UDP (bitmap:port)."""

    protocol: int | None
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class InterfacePart:
    """An interface name (hash:net,iface)."""

    name: str
    physical: bool = False


@dataclass(frozen=True, slots=True)
class MarkPart:
    """A packet mark after the set's markmask."""

    value: int


@dataclass(frozen=True, slots=True)
class OpaquePart:
    """A dimension whose value no packet of this model carries (a MAC address)."""

    text: str


Part: TypeAlias = AddressPart | PortPart | InterfacePart | MarkPart | OpaquePart


@dataclass(frozen=True, slots=True, eq=False)
class SetMember:
    """One entry: a part per dimension. Members with the same text are one shared object."""

    text: str
    parts: tuple[Part, ...]
    nomatch: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class SetContent:
    """What a set holds; sets with equal type and members share one content object.

    `kind` is the set type's name ("hash:net"); `dimensions` how many parts a member has; `lists` the member sets of a
    list:set in order. `opaque` says why membership cannot be decided statically ("" where it can), for instance
    because entries expire.
    """

    kind: str
    dimensions: int
    members: tuple[SetMember, ...]
    lists: tuple[str, ...] = ()
    opaque: str = ""


def lasting(name: str, sets: Mapping[str, IpSet] | None) -> bool:
    """Whether membership of an end is one thing however often rules ask for it on the packet's way (SET-18).

    It is for the node's own addresses ("@local", ...), and for sets whose members are known and name no marks.
    """
    if name.startswith("@"):
        return True
    found = None if sets is None else sets.get(name)
    if found is None or found.content.opaque:
        return False
    members = found.content.members
    marked = bool(members) and any(isinstance(part, MarkPart) for part in members[0].parts)
    return not marked and all(lasting(each, sets) for each in found.content.lists)


@dataclass(frozen=True, slots=True, eq=False)
class IpSet:
    """A named set; `family` is 4, 6, or 0 where the type has none (bitmap:port, list:set). `options` as written."""

    name: str
    family: int
    content: SetContent
    origin: Origin
    options: str = ""
