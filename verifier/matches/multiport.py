"""-m multiport: up to fifteen ports or ranges, of the source, the destination, or either.

Spec: specs/matches/multiport.md
"""

from __future__ import annotations

from dataclasses import dataclass

from verifier.matches.module import MatchModule
from verifier.matches.ports import parse_ports, spell_ports
from verifier.matches.transport import only_one_of
from verifier.model.extension import Malformed, Option
from verifier.model.fields import PORT_PROTOCOLS, Field
from verifier.model.listing import listing, numbers, piece
from verifier.model.predicate import InRange, Not, Predicate, Range, all_of, any_of

FIELDS = {
    "--sports": (Field.SOURCE_PORT,),
    "--dports": (Field.DESTINATION_PORT,),
    "--ports": (Field.SOURCE_PORT, Field.DESTINATION_PORT),
}
MOST_PORTS = 15
WITH_PORTS = InRange(Field.PROTOCOL, tuple((number, number) for number in sorted(PORT_PROTOCOLS)))


@dataclass(frozen=True, slots=True)
class Multiport:
    """Holds when a port that `flag` names is in one of the ranges; inverted, when none is (MP-1, MP-2)."""

    flag: str
    ranges: tuple[Range, ...]
    negated: bool

    def meaning(self) -> Predicate:
        inside = any_of(*(InRange(field, self.ranges) for field in FIELDS[self.flag]))
        return all_of(WITH_PORTS, Not(inside)) if self.negated else inside

    def spelling(self) -> str:
        return f"{'! ' if self.negated else ''}{self.flag} {','.join(map(spell_ports, self.ranges))}"


def parse(options: tuple[Option, ...], family: int) -> Multiport:  # noqa: ARG001  one signature for all
    """Read the one option."""
    only_one_of(options, tuple(FIELDS))
    if not options:
        raise Malformed("multiport names no ports")
    option = options[0]
    ranges = tuple(map(parse_ports, option.arguments[0].split(",")))
    if sum(1 if first == last else 2 for first, last in ranges) > MOST_PORTS:
        raise Malformed(f"more than {MOST_PORTS} ports (a range counts twice)")
    return Multiport(option.flag, ranges, option.negated)


LISTED = listing("multiport", *(piece(flag, f"{flag[2:]} (?P<no>! ?)?(\\S+)", numbers) for flag in FIELDS))
MODULE = MatchModule(
    "multiport",
    "lists of ports",
    arity=dict.fromkeys(FIELDS, 1),
    parse=parse,
    synonyms={"--source-ports": "--sports", "--destination-ports": "--dports"},
)
