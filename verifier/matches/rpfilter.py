"""-m rpfilter: whether the node would send the answer out by the interface the packet came in on.

Spec: specs/matches/rpfilter.md
"""

from __future__ import annotations

from dataclasses import dataclass

from verifier.matches.module import MatchModule
from verifier.model.extension import Option, wording
from verifier.model.listing import listing, piece
from verifier.model.predicate import Opaque, Predicate, negate

ROUTED_BACK = Opaque("rpfilter")
"""A fact about routes, under the one text by which whoever knows the routes can tell it (RP-1)."""


@dataclass(frozen=True, slots=True)
class ReversePath:
    """Holds when the source is routed back by the in-interface, or with --invert when it is not."""

    options: tuple[Option, ...]

    def meaning(self) -> Predicate:
        return negate(ROUTED_BACK, any(option.flag == "--invert" for option in self.options))

    def spelling(self) -> str:
        return wording(self.options)


def parse(options: tuple[Option, ...], family: int) -> ReversePath:  # noqa: ARG001  one signature for all
    """Read the options; those that refine how routes are looked up do not change the meaning."""
    return ReversePath(tuple(sorted(options, key=lambda option: ORDER.index(option.flag))))


ORDER = ("--loose", "--validmark", "--accept-local", "--invert")
LISTED = listing("rpfilter", *(piece(flag, flag[2:]) for flag in ORDER))
MODULE = MatchModule("rpfilter", "whether the way back is the way in", arity=dict.fromkeys(ORDER, 0), parse=parse)
