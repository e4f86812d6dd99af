"""What the kernel makes of one packet, and whether that is what the reference says.

Spec: specs/questions/replay.md
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from verifier.model.effect import Verdict


class Backend(Enum):
    """The two implementations of iptables."""

    NFT = "nft"
    LEGACY = "legacy"


class Outcome(Enum):
    """What became of a packet that was to be replayed."""

    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not-confirmed"
    NOT_REPLAYED = "not-replayed"


WORST = (Outcome.NOT_CONFIRMED, Outcome.NOT_REPLAYED, Outcome.CONFIRMED)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Not confirmed where one is, else not replayed where one is or where there is none, else confirmed (REP-6)."""
    found = set(outcomes)
    return next((each for each in WORST if each in found), Outcome.NOT_REPLAYED)


@dataclass(frozen=True, slots=True)
class Dumps:
    """What a node has loaded, as text for the kernel's own tools: rules by family, and the sets.

    `backend` is the one that wrote the rules of a family, by their own words; None where they do not say.
    """

    rules: Mapping[int, str]
    sets: str
    backend: Mapping[int, Backend | None]


@dataclass(frozen=True, slots=True)
class KernelStep:
    """A rule that the kernel says matched; `number` as in Step, `mark` after it, None where the kernel does not tell."""

    table: str
    chain: str
    number: int
    mark: int | None


@dataclass(frozen=True, slots=True)
class Replay:
    """One packet in the kernel with one back end.

    `reason` says why it was not replayed, or where the kernel first differs. `verdict` is the kernel's, None where it
    was not asked; `reply` what it answered a rejected packet with ("icmp", "icmp6", "rst", "" where nothing).
    `notes` are what had to stand in for something that is not known.
    """

    backend: Backend
    outcome: Outcome
    reason: str = ""
    verdict: Verdict | None = None
    mark: int | None = None
    steps: tuple[KernelStep, ...] = ()
    reply: str = ""
    notes: tuple[str, ...] = ()
