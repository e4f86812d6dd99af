"""Tests of source and destination ports, shared by the extensions of one transport protocol each.

Spec: specs/matches/tcp.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from verifier.matches.ports import LAST_PORT, parse_ports, spell_ports
from verifier.model.extension import Malformed, Option
from verifier.model.fields import Field
from verifier.model.listing import numbers, piece
from verifier.model.predicate import FALSE, TRUE, InRange, Opaque, Predicate, Range, all_of, equals, negate

SYNONYMS = {"--source-port": "--sport", "--destination-port": "--dport"}
FIELDS = {"--sport": Field.SOURCE_PORT, "--dport": Field.DESTINATION_PORT}


PORTS = (
    piece("--sport", "spts?:(?P<no>!)?(\\S+)", numbers),
    piece("--dport", "dpts?:(?P<no>!)?(\\S+)", numbers),
)
"""How a listing prints the two."""


@dataclass(frozen=True, slots=True)
class PortTest:
    """One `--sport` or `--dport`."""

    flag: str
    ports: Range
    negated: bool

    def meaning(self) -> Predicate:
        """Meaning within packets of the protocol, all of which have ports."""
        if self.ports == (0, LAST_PORT):
            return negate(TRUE, self.negated)
        return negate(InRange(FIELDS[self.flag], (self.ports,)), self.negated)

    def spelling(self) -> str:
        if self.ports == (0, LAST_PORT) and not self.negated:
            return ""
        return f"{'! ' if self.negated else ''}{self.flag} {spell_ports(self.ports)}"


@dataclass(frozen=True, slots=True)
class Ports:
    """The port tests of one use of the extension; they imply its protocol, also when inverted (TCP-1).

    With `disputed` the back ends disagree about some of them, which are opaque under that name (TCP-3, TCP-7).
    """

    protocol: int
    tests: tuple[PortTest, ...]
    disputed: str

    def meaning(self) -> Predicate:
        protocol = equals(Field.PROTOCOL, self.protocol)
        if self._compared_as_one():
            both = all_of(*(negate(test.meaning()) for test in self.tests))
            return all_of(protocol, negate(both), Opaque(f"{self.disputed} {self.spelling()}"))
        return all_of(protocol, *(self._one(test) for test in self.tests))

    def _compared_as_one(self) -> bool:
        """Whether iptables-nft makes one number of two inverted ports, and asks whether that is another (TCP-7)."""
        apart = all(test.negated and test.ports[0] == test.ports[1] != 0 for test in self.tests)
        return bool(self.disputed) and len(self.tests) == 2 and apart

    def _one(self, test: PortTest) -> Predicate:
        meaning = test.meaning()
        return Opaque(f"{self.disputed} {test.spelling()}") if meaning == FALSE and self.disputed else meaning

    def spelling(self) -> str:
        return " ".join(words for test in self.tests if (words := test.spelling()))


def parse_port_tests(options: tuple[Option, ...]) -> tuple[PortTest, ...]:
    """The port options, source first, as iptables-save prints them."""
    tests = [
        PortTest(option.flag, parse_ports(option.arguments[0]), option.negated)
        for option in options
        if option.flag in FIELDS
    ]
    return tuple(sorted(tests, key=lambda test: test.flag, reverse=True))


def port_parser(protocol: int, disputed: str = "") -> Callable[[tuple[Option, ...], int], Ports]:
    """A `parse` for an extension with nothing but ports.

    Where `disputed` is the extension's name, the test "no port at all" is opaque: the back ends disagree about it.
    """

    def parse(options: tuple[Option, ...], family: int) -> Ports:  # noqa: ARG001  one signature for all
        return Ports(protocol, parse_port_tests(options), f"-m {disputed}" if disputed else "")

    return parse


def only_one_of(options: tuple[Option, ...], flags: tuple[str, ...]) -> None:
    """Malformed where the use of the extension has more than one of the options."""
    found = [option.flag for option in options if option.flag in flags]
    if len(found) > 1:
        raise Malformed(f"{found[0]} and {found[1]} exclude each other")
