"""What the kernel is asked and what it answers.

Spec: specs/kernel.md
"""

from __future__ import annotations

from dataclasses import dataclass

from verifier.model.effect import Verdict
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.replay import Backend

__all__ = ["Backend", "Loaded", "Refused", "Seen", "SeenStep", "Shot", "Stage", "Unavailable"]


@dataclass(frozen=True, slots=True)
class Stage:
    """What the namespace has: only what the packets need.

    `interfaces` are names as packets carry them. `bridges` are (name, ports), a port being no interface of its own.
    `addresses` are the node's own: (interface, family, address as an integer, prefix length), where the interface is one
    of the stage's or "lo".
    """

    interfaces: tuple[str, ...] = ()
    bridges: tuple[tuple[str, tuple[str, ...]], ...] = ()
    addresses: tuple[tuple[str, int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A dump that the kernel holds. `notes` say what had to be left out to load it, and why that changes nothing."""

    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shot:
    """One packet to send on its path; with `trace` the kernel tells every rule that it matched."""

    packet: Packet
    path: Path
    trace: bool = True


@dataclass(frozen=True, slots=True)
class SeenStep:
    """A rule that matched. `number` counts from 1 within the chain as the dump has it, None for a built-in chain's policy.

    `mark` is the packet's mark after the rule, None where the kernel does not tell. The end of a user chain is no step.
    """

    table: str
    chain: str
    number: int | None
    mark: int | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of a packet.

    `verdict` None: the packet could not be sent in the situation that was asked for; `reason` then says why, or how the
    situation that the kernel saw was another one. `mark` is the final mark of an accepted packet. `steps` are the rules
    that matched, of all tables in order, where a trace was asked for. `reply` is what REJECT answered: "icmp",
    "icmp6" or "rst", "" where nothing was sent back.
    """

    verdict: Verdict | None
    reason: str = ""
    mark: int | None = None
    steps: tuple[SeenStep, ...] = ()
    reply: str = ""


class Unavailable(Exception):  # noqa: N818 - a state of the machine, no error of the program
    """The kernel cannot be asked here; the text says what is missing and what to do."""


class Refused(Exception):  # noqa: N818 - the tools' own word for it
    """The kernel's tools did not take the dump; the text has their message and the line."""
