"""-m physdev: the bridge ports by which a bridged packet came and leaves.

Spec: specs/matches/physdev.md
"""

from __future__ import annotations

from dataclasses import dataclass

from verifier.matches.builtin import interface, parse_interface
from verifier.matches.module import MatchModule
from verifier.model.extension import Malformed, Option
from verifier.model.fields import Field
from verifier.model.listing import listing, piece
from verifier.model.predicate import Named, Not, Predicate, all_of, any_of, equals, negate

ORDER = ("--physdev-in", "--physdev-is-in", "--physdev-out", "--physdev-is-out", "--physdev-is-bridged")
NO_PORT_IN = Named(Field.PHYS_IN, "")
NO_PORT_OUT = Named(Field.PHYS_OUT, "")


@dataclass(frozen=True, slots=True)
class PhysicalDevices:
    """The tests of one use, each inverted or not."""

    options: tuple[Option, ...]

    def meaning(self) -> Predicate:
        return all_of(*(_meaning(option) for option in self.options))

    def spelling(self) -> str:
        return " ".join(option.spelling() for option in self.options)


def _meaning(option: Option) -> Predicate:
    match option:
        case Option("--physdev-is-bridged", (), negated):
            return negate(equals(Field.BRIDGED, 1), negated)
        case Option("--physdev-is-in", (), negated):
            return negate(NO_PORT_IN, not negated)
        case Option("--physdev-is-out", (), negated):
            return negate(NO_PORT_OUT, not negated)
        case Option("--physdev-in", (name,), negated):
            return negate(_port(Field.PHYS_IN, name), negated)
        case _:
            return _port_out(option.arguments[0], option.negated)


def _port(field: Field, name: str) -> Predicate:
    return Not(Named(field, "")) if name == "+" else interface(field, name)


def _port_out(name: str, negated: bool) -> Predicate:
    """A packet that came by a port and leaves by none fails the test, inverted or not (PD-4)."""
    named = _port(Field.PHYS_OUT, name)
    return all_of(Not(named), any_of(Not(NO_PORT_OUT), NO_PORT_IN)) if negated else named


def parse(options: tuple[Option, ...], family: int) -> PhysicalDevices:  # noqa: ARG001  one signature for all
    """Read the options into the order in which iptables-save prints them."""
    if not options:
        raise Malformed("physdev tests nothing")
    for option in options:
        for name in option.arguments:
            parse_interface(name)
    return PhysicalDevices(tuple(sorted(options, key=lambda option: ORDER.index(option.flag))))


LISTED = listing(
    "PHYSDEV match",
    piece("--physdev-is-in", "(?P<no>! )?--physdev-is-in"),
    piece("--physdev-in", "(?P<no>! )?--physdev-in (\\S+)"),
    piece("--physdev-is-out", "(?P<no>! )?--physdev-is-out"),
    piece("--physdev-out", "(?P<no>! )?--physdev-out (\\S+)"),
    piece("--physdev-is-bridged", "(?P<no>! )?--physdev-is-bridged"),
)
MODULE = MatchModule(
    "physdev",
    "bridge ports",
    arity={
        "--physdev-in": 1,
        "--physdev-out": 1,
        "--physdev-is-in": 0,
        "--physdev-is-out": 0,
        "--physdev-is-bridged": 0,
    },
    parse=parse,
)
