"""-m recent: lists of addresses that earlier packets have written.

Spec: specs/matches/recent.md
"""

from __future__ import annotations

from dataclasses import dataclass

from verifier.matches.module import MatchModule
from verifier.model.extension import Option, wording
from verifier.model.listing import listing, piece
from verifier.model.predicate import TRUE, Opaque, Predicate, negate

ARITY = {
    "--set": 0, "--rcheck": 0, "--update": 0, "--remove": 0, "--seconds": 1, "--reap": 0, "--hitcount": 1, "--rttl": 0,
    "--name": 1, "--mask": 1, "--rsource": 0, "--rdest": 0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recent:
    """`--set` notes the address and always holds (RC-1); everything else hangs on earlier packets (RC-2)."""

    options: tuple[Option, ...]

    def meaning(self) -> Predicate:
        noted = next((option for option in self.options if option.flag == "--set"), None)
        if noted is not None:
            return negate(TRUE, noted.negated)
        return Opaque(f"-m recent {wording(self.options)}", chance=True)

    def spelling(self) -> str:
        return wording(self.options)


def parse(options: tuple[Option, ...], family: int) -> Recent:  # noqa: ARG001  one signature for all
    """Keep the options as they are."""
    return Recent(options)


LISTED = listing(
    "",
    piece("--set", "(?P<no>! )?recent: SET"),
    piece("--rcheck", "(?P<no>! )?recent: CHECK"),
    piece("--update", "(?P<no>! )?recent: UPDATE"),
    piece("--remove", "(?P<no>! )?recent: REMOVE"),
    piece("--seconds", "seconds: ([0-9]+)"),
    piece("--reap", "reap"),
    piece("--hitcount", "hit_count: ([0-9]+)"),
    piece("--rttl", "TTL-Match"),
    piece("--name", "name: (\\S+)"),
    piece("--mask", "mask: (\\S+)"),
    piece("--rsource", "side: source"),
    piece("--rdest", "side: dest"),
)
MODULE = MatchModule("recent", "lists of addresses seen before", arity=ARITY, parse=parse)
