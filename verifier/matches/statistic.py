"""-m statistic: chance, or every n-th packet, which no field of the packet tells.

Spec: specs/matches/statistic.md
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from verifier.matches.module import MatchModule
from verifier.model.extension import Option, wording
from verifier.model.listing import listing, piece, several
from verifier.model.predicate import Opaque, Predicate

ARITY = {"--mode": 1, "--probability": 1, "--every": 1, "--packet": 1}


@dataclass(frozen=True, slots=True)
class Statistic:
    """Some packets match and some that look the same do not (STAT-1), unless the odds are nought, certain or unread."""

    options: tuple[Option, ...]

    def meaning(self) -> Predicate:
        return Opaque(f"-m statistic {wording(self.options)}", chance=self._by_chance())

    def _by_chance(self) -> bool:
        """Whether both answers do occur."""
        given = {option.flag: option.arguments[0] for option in self.options if option.arguments}
        try:
            return 0 < float(given.get("--probability", 0)) < 1 or int(given.get("--every", 0)) > 1
        except ValueError:
            return False

    def spelling(self) -> str:
        return wording(self.options)


def parse(options: tuple[Option, ...], family: int) -> Statistic:  # noqa: ARG001  one signature for all
    """Keep the options as they are."""
    return Statistic(options)


def _every(match: re.Match[str]) -> tuple[Option, ...]:
    """Every so many packets, from which on: the first one is not shown."""
    every = Option("--every", (match.group(2),), bool(match.group("no")))
    return every, Option("--packet", (match.group(3) or "0",))


LISTED = listing(
    "statistic",
    piece("--mode", "mode (\\S+)"),
    piece("--probability", "(?P<no>! )?probability ([0-9.]+)"),
    several("(?P<no>! )?every ([0-9]+)(?: packet ([0-9]+))?", _every),
)
MODULE = MatchModule("statistic", "chance, or every n-th packet", arity=ARITY, parse=parse)
