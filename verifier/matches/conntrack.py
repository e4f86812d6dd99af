"""-m conntrack: what connection tracking knows of the packet's connection.

Spec: specs/matches/conntrack.md
"""

from __future__ import annotations

from dataclasses import dataclass

from verifier.matches.module import MatchModule
from verifier.matches.states import READ, in_states, parse_states, spell_states
from verifier.model.extension import Malformed, Option, wording
from verifier.model.listing import listing, piece
from verifier.model.predicate import Opaque, Predicate, all_of, negate

ARITY = {
    "--ctstate": 1, "--ctproto": 1, "--ctorigsrc": 1, "--ctorigdst": 1, "--ctreplsrc": 1, "--ctrepldst": 1,
    "--ctorigsrcport": 1, "--ctorigdstport": 1, "--ctreplsrcport": 1, "--ctrepldstport": 1, "--ctstatus": 1,
    "--ctexpire": 1, "--ctdir": 1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Conntrack:
    """The state of the connection (CT-1); other facts about it are opaque (CT-4)."""

    options: tuple[Option, ...]
    states: frozenset[str]
    negated: bool

    def meaning(self) -> Predicate:
        parts: list[Predicate] = [negate(in_states(self.states), self.negated)] if self.states else []
        others = tuple(option for option in self.options if option.flag != "--ctstate")
        if others:
            parts.append(Opaque(f"-m conntrack {wording(others)}"))
        return all_of(*parts)

    def spelling(self) -> str:
        return " ".join(map(self._one, self.options))

    def _one(self, option: Option) -> str:
        if option.flag != "--ctstate":
            return option.spelling()
        return f"{'! ' if self.negated else ''}--ctstate {spell_states(self.states)}"


def parse(options: tuple[Option, ...], family: int) -> Conntrack:  # noqa: ARG001  one signature for all
    """Read the options; their order is kept."""
    if not options:
        raise Malformed("conntrack tests nothing")
    for option in options:
        if option.flag == "--ctstate":
            return Conntrack(options, parse_states(option.arguments[0], READ), option.negated)
    return Conntrack(options, frozenset(), negated=False)


LISTED = listing(
    "",
    piece("--ctstate", "(?P<no>! )?ctstate ([A-Z,]+)"),
    piece("--ctproto", "(?P<no>! )?ctproto ([0-9]+)"),
    *(piece(f"--{name}", f"(?P<no>! )?{name} (\\S+)") for name in ("ctorigsrc", "ctorigdst", "ctreplsrc", "ctrepldst")),
    *(
        piece(f"--{name}", f"(?P<no>! )?{name} ([0-9:]+)")
        for name in ("ctorigsrcport", "ctorigdstport", "ctreplsrcport", "ctrepldstport")
    ),
    piece("--ctstatus", "(?P<no>! )?ctstatus ([A-Z_,]+)"),
    piece("--ctexpire", "(?P<no>! )?ctexpire ([0-9:]+)"),
    piece("--ctdir", "ctdir (ORIGINAL|REPLY)"),
)
MODULE = MatchModule(
    "conntrack", "what connection tracking knows", arity=ARITY, parse=parse, synonyms={"--ctdirection": "--ctdir"}
)
