"""What a rule does to a packet that it matches.

Spec: specs/chains/traversal.md
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from verifier.model.fields import Field


class Verdict(Enum):
    """What becomes of a packet at a hook."""

    ACCEPT = "accept"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Finish:
    """End the traversal of this table with a verdict; `reply` names what is sent back (REJECT)."""

    verdict: Verdict
    reply: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """Traverse a chain, then go on with the next rule."""

    chain: str


@dataclass(frozen=True, slots=True)
class Goto:
    """Traverse a chain in place of the rest of this one."""

    chain: str


@dataclass(frozen=True, slots=True)
class Return:
    """Leave the chain; in a built-in chain, its policy decides."""


@dataclass(frozen=True, slots=True)
class Continue:
    """No effect on verdict or marks: go on with the next rule (LOG, NFLOG, no target).

    `writes` names the ipsets that the rule adds the packet to or removes it from (SET). With `attaches` it settles how the
    packet's connection is to be tracked (CT), which later rules of the raw table see.
    """

    writes: tuple[str, ...] = ()
    attaches: bool = False


@dataclass(frozen=True, slots=True)
class Assign:
    """field := (field & ~mask) ^ value, for MARK or CONNMARK."""

    field: Field
    value: int
    mask: int


@dataclass(frozen=True, slots=True)
class Copy:
    """target := (target & ~target_mask) ^ (source & source_mask), between MARK and CONNMARK."""

    target: Field
    source: Field
    target_mask: int
    source_mask: int


@dataclass(frozen=True, slots=True)
class Target:
    """Where a translation sends a packet: an inclusive range of addresses and of ports, of which the kernel takes any.

    `ports` None leaves the port as it is.
    """

    family: int
    addresses: tuple[int, int]
    ports: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Translate:
    """Rewrite an address (SNAT, DNAT, MASQUERADE, REDIRECT) and end the nat table with accept.

    `rewrites_destination` tells the kinds that change where the packet goes; `targets` are the destinations that the
    rule itself names. Without them what becomes of the packet is not known here, and it is treated like Unknown. A
    source rewritten after the filter table changes no verdict.
    """

    rewrites_destination: bool
    text: str
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class Untrack:
    """Keep the packet out of connection tracking: from here on its state is UNTRACKED, and no nat table sees it."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """What becomes of the packet from here on is not known: any verdict is possible."""

    text: str


Effect: TypeAlias = Finish | Call | Goto | Return | Continue | Assign | Copy | Translate | Untrack | Unknown
