"""Ports of SCTP and DCCP, with tests of the packet's type that have no static meaning.

Spec: specs/matches/sctp.md, specs/matches/dccp.md
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from verifier.matches.transport import FIELDS, Ports, parse_port_tests
from verifier.model.extension import Option, wording
from verifier.model.predicate import Opaque, Predicate, all_of


@dataclass(frozen=True, slots=True)
class Chunked:
    """Port tests and a rest that is opaque but, like them, implies the protocol."""

    name: str
    ports: Ports
    others: tuple[Option, ...]

    def meaning(self) -> Predicate:
        opaque = (Opaque(f"-m {self.name} {option.spelling()}") for option in self.others)
        return all_of(self.ports.meaning(), *opaque)

    def spelling(self) -> str:
        return " ".join(filter(None, (self.ports.spelling(), wording(self.others))))


def chunked_parser(name: str, protocol: int) -> Callable[[tuple[Option, ...], int], Chunked]:
    """A `parse` for such an extension."""

    def parse(options: tuple[Option, ...], family: int) -> Chunked:  # noqa: ARG001  one signature for all
        others = tuple(option for option in options if option.flag not in FIELDS)
        return Chunked(name, Ports(protocol, parse_port_tests(options), ""), others)

    return parse
