"""-m state: the state of the packet's connection.

Spec: specs/matches/state.md
"""

from __future__ import annotations

from dataclasses import dataclass

from verifier.matches.module import MatchModule
from verifier.matches.states import READ, in_states, parse_states, spell_states
from verifier.model.extension import Malformed, Option
from verifier.model.listing import listing, piece
from verifier.model.predicate import Predicate, negate


@dataclass(frozen=True, slots=True)
class State:
    """Holds when the packet's state is one of these (ST-1)."""

    states: frozenset[str]
    negated: bool

    def meaning(self) -> Predicate:
        return negate(in_states(self.states), self.negated)

    def spelling(self) -> str:
        return f"{'! ' if self.negated else ''}--state {spell_states(self.states)}"


def parse(options: tuple[Option, ...], family: int) -> State:  # noqa: ARG001  one signature for all
    """Read the list of states."""
    if not options:
        raise Malformed("--state is missing")
    return State(parse_states(options[0].arguments[0], READ[:5]), options[0].negated)


LISTED = listing("", piece("--state", "(?P<no>! )?state ([A-Z,]+)"))
MODULE = MatchModule("state", "the state of the connection", arity={"--state": 1}, parse=parse)
