"""-m iprange: addresses between two others.

Spec: specs/matches/iprange.md
"""

from __future__ import annotations

from dataclasses import dataclass

from verifier.matches.hosts import parse_host
from verifier.matches.module import MatchModule
from verifier.model.addresses import address_text
from verifier.model.extension import Malformed, Option
from verifier.model.fields import Field
from verifier.model.listing import listing, piece
from verifier.model.predicate import InRange, Predicate, Range, all_of, negate

FIELDS = {"--src-range": Field.SOURCE, "--dst-range": Field.DESTINATION}


@dataclass(frozen=True, slots=True)
class RangeTest:
    """One of `--src-range` and `--dst-range`, both ends included (IR-1)."""

    flag: str
    addresses: Range
    negated: bool


@dataclass(frozen=True, slots=True)
class AddressRanges:
    """The tests of one use."""

    family: int
    tests: tuple[RangeTest, ...]

    def meaning(self) -> Predicate:
        return all_of(*(negate(InRange(FIELDS[test.flag], (test.addresses,)), test.negated) for test in self.tests))

    def spelling(self) -> str:
        return " ".join(self._one(test) for test in self.tests)

    def _one(self, test: RangeTest) -> str:
        first, last = (address_text(self.family, address) for address in test.addresses)
        return f"{'! ' if test.negated else ''}{test.flag} {first}-{last}"


def parse(options: tuple[Option, ...], family: int) -> AddressRanges:
    """Read the ranges; a single address is a range of one."""
    tests = []
    for option in sorted(options, key=lambda option: option.flag, reverse=True):
        first, dash, last = option.arguments[0].partition("-")
        low = parse_host(first, family)
        high = parse_host(last, family) if dash else low
        if low > high:
            raise Malformed(f"address range {option.arguments[0]!r} ends before it begins")
        tests.append(RangeTest(option.flag, (low, high), option.negated))
    if not tests:
        raise Malformed("iprange names no range")
    return AddressRanges(family, tuple(tests))


LISTED = listing(
    "",
    piece("--src-range", "source IP range (?P<no>! )?(\\S+)"),
    piece("--dst-range", "destination IP range (?P<no>! )?(\\S+)"),
)
MODULE = MatchModule("iprange", "addresses between two others", arity=dict.fromkeys(FIELDS, 1), parse=parse)
