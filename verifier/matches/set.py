"""-m set: membership in an ipset.

Spec: specs/matches/set.md
"""

from __future__ import annotations

from dataclasses import dataclass

from verifier.matches.module import MatchModule
from verifier.model.extension import Malformed, Option, wording
from verifier.model.listing import listing, piece
from verifier.model.predicate import Member, Opaque, Predicate, all_of, any_of, negate

MOST_DIRECTIONS = 6
COUNTERS = {"--packets-eq": 1, "--packets-lt": 1, "--packets-gt": 1, "--bytes-eq": 1, "--bytes-lt": 1, "--bytes-gt": 1}
SWITCHES = {"--return-nomatch": 0, "--update-counters": 0, "--update-subcounters": 0}


@dataclass(frozen=True, slots=True)
class SetTest:
    """Holds when the packet is in the set, read from these directions (SE-1); counters are opaque (SE-4)."""

    name: str
    directions: tuple[str, ...]
    negated: bool
    nomatch: bool = False
    others: tuple[Option, ...] = ()

    def meaning(self) -> Predicate:
        counters = tuple(option for option in self.others if option.flag in COUNTERS)
        if not counters:
            return negate(Member(self.name, self.directions, self.nomatch), self.negated)
        counted = Opaque(f"-m set {wording(counters)}")
        entries = (Member(self.name, self.directions, nomatch) for nomatch in (False, True))
        return counted if self.negated else all_of(any_of(*entries), counted)

    def spelling(self) -> str:
        words = f"{'! ' if self.negated else ''}--match-set {self.name} {','.join(self.directions)}"
        return f"{words} {wording(self.others)}" if self.others else words


DIRECTIONS = {
    text: tuple(text.split(","))
    for text in ("src", "dst", "src,src", "src,dst", "dst,src", "dst,dst")
}  # fmt: skip


def parse_directions(text: str) -> tuple[str, ...]:
    """A list of `src` and `dst`, one for each dimension of the set."""
    directions = DIRECTIONS.get(text) or tuple(text.split(","))
    if len(directions) > MOST_DIRECTIONS or any(direction not in ("src", "dst") for direction in directions):
        raise Malformed(f"{text!r} is not a list of at most {MOST_DIRECTIONS} directions (src, dst)")
    return directions


def parse(options: tuple[Option, ...], family: int) -> SetTest:  # noqa: ARG001  one signature for all
    """Read the set's name and directions, and what else is asked."""
    if len(options) == 1 and options[0].flag == "--match-set":
        option = options[0]
        return SetTest(option.arguments[0], parse_directions(option.arguments[1]), option.negated)
    tests = [option for option in options if option.flag == "--match-set"]
    others = tuple(option for option in options if option.flag != "--match-set")
    if not tests:
        raise Malformed("--match-set is missing")
    nomatch = any(option.flag == "--return-nomatch" for option in others)
    name, directions = tests[0].arguments
    return SetTest(name, parse_directions(directions), tests[0].negated, nomatch, others)


LISTED = listing(
    "",
    piece("--match-set", "(?P<no>! )?(?:match-)?set (\\S+) ((?:src|dst)(?:,(?:src|dst))*)"),
    piece("--return-nomatch", "return-nomatch"),
    piece("--update-counters", "(?P<no>! )?update-counters"),
    piece("--update-subcounters", "(?P<no>! )?update-subcounters"),
    *(piece(flag, f"(?P<no>! )?{flag[2:]} ([0-9]+)") for flag in COUNTERS),
)
MODULE = MatchModule(
    "set",
    "membership in an ipset",
    arity={"--match-set": 2} | SWITCHES | COUNTERS,
    parse=parse,
    synonyms={"--set": "--match-set"},
)
