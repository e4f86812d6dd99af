"""-m addrtype: what kind of address the source or destination is on this node.

Spec: specs/matches/addrtype.md
"""

from __future__ import annotations

from dataclasses import dataclass

from verifier.matches.module import MatchModule
from verifier.model.extension import Malformed, Option, wording
from verifier.model.listing import listing, piece
from verifier.model.predicate import Member, Opaque, Predicate, all_of, any_of, negate

TYPES = (
    "UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT", "THROW",
    "NAT", "XRESOLVE",
)  # fmt: skip
NOT_KNOWN = ("THROW", "NAT", "XRESOLVE")
NOT_IN_IPV6 = ("BROADCAST", "BLACKHOLE", "PROHIBIT", "THROW", "NAT", "XRESOLVE")
ROUTED_IN_IPV6 = ("LOCAL", "ANYCAST", "UNREACHABLE")
"""Types that IPv6 asks the routing table for, in one question; the others are read from the address (AT-3)."""

FLAGS = {"--src-type": "src", "--dst-type": "dst"}
LIMITS = ("--limit-iface-in", "--limit-iface-out")


@dataclass(frozen=True, slots=True)
class TypeTest:
    """One of `--src-type` and `--dst-type`."""

    flag: str
    types: tuple[str, ...]
    negated: bool

    def meaning(self, family: int) -> Predicate:
        """A list is a disjunction for IPv4 and, between what is and is not routed, a conjunction for IPv6 (AT-2, AT-3)."""
        kinds = [(name, self._one(name)) for name in self.types]
        if family == 4:
            return negate(any_of(*(kind for _, kind in kinds)), self.negated)
        routed = [kind for name, kind in kinds if name in ROUTED_IN_IPV6]
        read = [kind for name, kind in kinds if name not in ROUTED_IN_IPV6]
        return negate(all_of(*read, *([any_of(*routed)] if routed else [])), self.negated)

    def _one(self, name: str) -> Predicate:
        if name in NOT_KNOWN:
            return Opaque(f"-m addrtype {self.flag} {name}")
        return Member(f"@{name.lower()}", (FLAGS[self.flag],))

    def spelling(self) -> str:
        return f"{'! ' if self.negated else ''}{self.flag} {','.join(self.types)}"


@dataclass(frozen=True, slots=True)
class AddressType:
    """Tests of both ends; limited to one interface's addresses it is opaque (AT-5)."""

    family: int
    tests: tuple[TypeTest, ...]
    limits: tuple[Option, ...]

    def meaning(self) -> Predicate:
        if self.limits:
            return Opaque(f"-m addrtype {self.spelling()}")
        return all_of(*(test.meaning(self.family) for test in self.tests))

    def spelling(self) -> str:
        return " ".join(filter(None, (*(test.spelling() for test in self.tests), wording(self.limits))))


def parse(options: tuple[Option, ...], family: int) -> AddressType:
    """Read the options."""
    ordered = sorted(options, key=lambda option: option.flag, reverse=True)
    tests = tuple(
        TypeTest(option.flag, _types(option.arguments[0], family), option.negated)
        for option in ordered
        if option.flag in FLAGS
    )
    if not tests:
        raise Malformed("addrtype names no type")
    return AddressType(family, tests, tuple(option for option in options if option.flag in LIMITS))


def _types(text: str, family: int) -> tuple[str, ...]:
    names = {word.upper() for word in text.split(",")}
    unknown = sorted(names.difference(TYPES))
    if unknown:
        raise Malformed(f"{unknown[0]!r} is not a type of address (one of {', '.join(TYPES)})")
    refused = sorted(names.intersection(NOT_IN_IPV6)) if family == 6 else []
    if refused:
        raise Malformed(f"the kernel does not know addresses of type {refused[0]} in IPv6")
    return tuple(name for name in TYPES if name in names)


LISTED = listing(
    "ADDRTYPE match",
    piece("--src-type", "src-type (?P<no>!)?(\\S+)"),
    piece("--dst-type", "dst-type (?P<no>!)?(\\S+)"),
    piece("--limit-iface-in", "limit-in"),
    piece("--limit-iface-out", "limit-out"),
)
MODULE = MatchModule(
    "addrtype",
    "what kind of address an end is on this node",
    arity={"--src-type": 1, "--dst-type": 1, "--limit-iface-in": 0, "--limit-iface-out": 0},
    parse=parse,
)
