"""-m tcp: ports, flags and options of a TCP segment.

Spec: specs/matches/tcp.md
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from verifier.matches.module import MatchModule
from verifier.matches.transport import PORTS, SYNONYMS, Ports, parse_port_tests
from verifier.model.extension import Malformed, Option, integer
from verifier.model.fields import TCP, Field
from verifier.model.listing import listing, piece
from verifier.model.predicate import FALSE, TRUE, Masked, Opaque, Predicate, all_of, negate

FLAGS = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32}
GROUPS = FLAGS | {"ALL": 63, "NONE": 0}
SYN_MASK = FLAGS["FIN"] | FLAGS["SYN"] | FLAGS["RST"] | FLAGS["ACK"]


@dataclass(frozen=True, slots=True)
class FlagTest:
    """`--tcp-flags MASK VALUE`; `--syn` is its usual case."""

    mask: int
    value: int
    negated: bool

    def meaning(self) -> Predicate:
        if self.mask == 0 and self.value == 0:
            return Opaque("-m tcp ! --tcp-flags NONE NONE") if self.negated else TRUE
        if self.value & ~self.mask:
            return negate(FALSE, self.negated)
        return negate(Masked(Field.TCP_FLAGS, self.value, self.mask), self.negated)

    def spelling(self) -> str:
        return f"{'! ' if self.negated else ''}--tcp-flags {spell_flags(self.mask)} {spell_flags(self.value)}"


@dataclass(frozen=True, slots=True)
class Tcp:
    """A test of TCP segments only: each option implies the protocol, also when inverted (TCP-1)."""

    ports: Ports
    header: FlagTest | None
    option: Option | None

    def meaning(self) -> Predicate:
        parts = [self.ports.meaning()]
        if self.option is not None:
            parts.append(Opaque(f"-m tcp {self.option.spelling()}"))
        if self.header is not None:
            parts.append(self.header.meaning())
        return all_of(*parts)

    def spelling(self) -> str:
        words = [self.ports.spelling()]
        words += [self.option.spelling()] if self.option else []
        words += [self.header.spelling()] if self.header else []
        return " ".join(filter(None, words))


def spell_flags(flags: int) -> str:
    """A set of flags as iptables-save prints it."""
    return ",".join(name for name, bit in FLAGS.items() if flags & bit) or "NONE"


def parse_flags(text: str) -> int:
    """A list of flags; ALL and NONE stand for six and for none of them."""
    flags = 0
    for name in text.split(","):
        if name.upper() not in GROUPS:
            raise Malformed(f"{name!r} is not a TCP flag (one of {', '.join(GROUPS)})")
        flags |= GROUPS[name.upper()]
    return flags


def parse(options: tuple[Option, ...], family: int) -> Tcp:  # noqa: ARG001  one signature for all
    """Read the options of one use."""
    header: FlagTest | None = None
    numbered: Option | None = None
    for option in options:
        match option:
            case Option("--tcp-flags", (mask, value), negated):
                header = FlagTest(parse_flags(mask), parse_flags(value), negated)
            case Option("--syn", (), negated):
                if header is not None:
                    raise Malformed("--syn and --tcp-flags exclude each other")
                header = FlagTest(SYN_MASK, FLAGS["SYN"], negated)
            case Option("--tcp-option", (kind,), negated):
                numbered = Option("--tcp-option", (str(integer(kind, 255)),), negated)
    return Tcp(Ports(TCP, parse_port_tests(options), "-m tcp"), header, numbered)


def _flags(match: re.Match[str]) -> tuple[str, ...]:
    """Mask and value by name, of which -n shows the bits."""
    return tuple(spell_flags(int(text, 16)) if text.startswith("0x") else text for text in match.groups()[1:])


LISTED = listing(
    "tcp",
    *PORTS,
    piece("--tcp-option", "option=(?P<no>!)?([0-9]+)"),
    piece("--tcp-flags", "flags:(?P<no>!)?([^\\s/]+)/([^\\s/]+)", _flags),
)
MODULE = MatchModule(
    "tcp",
    "ports, flags and options of TCP",
    arity={"--sport": 1, "--dport": 1, "--tcp-flags": 2, "--syn": 0, "--tcp-option": 1},
    parse=parse,
    synonyms=SYNONYMS,
)
