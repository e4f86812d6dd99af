"""-m nfacct: counts the packet under a name.

Spec: specs/matches/nfacct.md
"""

from __future__ import annotations

from dataclasses import dataclass

from verifier.matches.module import MatchModule
from verifier.model.extension import Malformed, Option
from verifier.model.listing import listing, piece
from verifier.model.predicate import TRUE, Predicate


@dataclass(frozen=True, slots=True)
class Accounting:
    """Holds for every packet (NA-1)."""

    name: str

    def meaning(self) -> Predicate:
        return TRUE

    def spelling(self) -> str:
        # iptables-save prints two blanks before the name.
        return f"--nfacct-name  {self.name}"


def parse(options: tuple[Option, ...], family: int) -> Accounting:  # noqa: ARG001  one signature for all
    """Read the name of the counter."""
    if not options:
        raise Malformed("--nfacct-name is missing")
    return Accounting(options[0].arguments[0])


LISTED = listing("", piece("--nfacct-name", "nfacct-name (\\S+)"))
MODULE = MatchModule("nfacct", "counts packets under a name", arity={"--nfacct-name": 1}, parse=parse)
