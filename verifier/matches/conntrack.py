"""-m conntrack: what connection tracking knows of the packet's connection.

Spec: specs/matches/conntrack.md
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from verifier.matches.module import MatchModule
from verifier.matches.protocols import parse_protocol
from verifier.matches.states import READ, in_states, parse_states, spell_states
from verifier.model.extension import Malformed, Option, wording
from verifier.model.fields import ConnState, Field
from verifier.model.listing import listing, piece
from verifier.model.predicate import InRange, Opaque, Predicate, all_of, any_of, equals, negate

TRACKED = InRange(Field.STATE, ((ConnState.NEW, ConnState.RELATED),))
"""The packets that belong to a connection."""
ARITY = {
    "--ctstate": 1, "--ctproto": 1, "--ctorigsrc": 1, "--ctorigdst": 1, "--ctreplsrc": 1, "--ctrepldst": 1,
    "--ctorigsrcport": 1, "--ctorigdstport": 1, "--ctreplsrcport": 1, "--ctrepldstport": 1, "--ctstatus": 1,
    "--ctexpire": 1, "--ctdir": 1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Conntrack:
    """The state of the connection (CT-1), and other facts about it, which only a packet of a connection has (CT-4)."""

    options: tuple[Option, ...]
    states: frozenset[str]
    negated: bool

    def meaning(self) -> Predicate:
        parts: list[Predicate] = [negate(in_states(self.states), self.negated)] if self.states else []
        others = tuple(option for option in self.options if option.flag != "--ctstate")
        if others:
            known = all_of(TRACKED, _facts(others))
            parts.append(any_of(negate(TRACKED), known) if self.states else known)
        return all_of(*parts)

    def spelling(self) -> str:
        return " ".join(map(self._one, self.options))

    def _one(self, option: Option) -> str:
        if option.flag != "--ctstate":
            return option.spelling()
        return f"{'! ' if self.negated else ''}--ctstate {spell_states(self.states)}"


def _facts(options: tuple[Option, ...]) -> Predicate:
    """What the options say of a packet that belongs to a connection: its protocol and direction (CT-5, CT-6), or nothing."""
    parts: list[Predicate] = []
    opaque: list[Option] = []
    for option in options:
        if option.flag == "--ctproto" and (number := _protocol(option.arguments[0])) is not None:
            parts.append(_of_protocol(number, option))
        elif option.flag == "--ctdir":
            parts.append(_directed(option))
        else:
            opaque.append(option)
    if opaque:
        parts.append(Opaque(f"-m conntrack {wording(tuple(opaque))}"))
    return all_of(*parts)


def _protocol(text: str) -> int | None:
    with suppress(Malformed):
        return parse_protocol(text)
    return None


def _of_protocol(number: int, option: Option) -> Predicate:
    """The connection's protocol is the packet's, unless that is related to another's (CT-5)."""
    related = equals(Field.STATE, ConnState.RELATED)
    own = negate(equals(Field.PROTOCOL, number), option.negated)
    opaque = Opaque(f"-m conntrack {option.spelling()}")
    return any_of(all_of(related, opaque), all_of(negate(related), own))


def _directed(option: Option) -> Predicate:
    """The first packets of a connection go in its original direction (CT-6)."""
    new = equals(Field.STATE, ConnState.NEW)
    opaque = Opaque(f"-m conntrack {option.spelling()}")
    original = option.arguments[0].upper() == "ORIGINAL"
    return any_of(new, opaque) if original else all_of(negate(new), opaque)


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
