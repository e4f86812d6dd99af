"""Addresses of a rule: with prefix length, dotted mask or none.

Spec: specs/matches/builtin.md
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from verifier.model.addresses import address_text, parse_address
from verifier.model.extension import Malformed
from verifier.model.fields import ADDRESS_BITS, Field
from verifier.model.predicate import TRUE, InRange, Masked, Predicate

OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
QUAD = re.compile(r"\.".join([OCTET] * 4))


@dataclass(frozen=True, slots=True)
class Hosts:
    """Every address that agrees with `address` on the bits of `mask`; other bits of `address` are zero."""

    family: int
    address: int
    mask: int

    @property
    def prefix(self) -> int | None:
        """The prefix length, None for a mask with holes."""
        inverse = self.mask ^ ((1 << ADDRESS_BITS[self.family]) - 1)
        return None if inverse & (inverse + 1) else ADDRESS_BITS[self.family] - inverse.bit_length()

    def meaning(self, field: Field) -> Predicate:
        """The packets whose `field` is one of them (BI-1)."""
        prefix = self.prefix
        if prefix is None:
            return Masked(field, self.address, self.mask)
        if prefix == 0:
            return TRUE
        return InRange(field, ((self.address, self.address | ((1 << (ADDRESS_BITS[self.family] - prefix)) - 1)),))

    def spelling(self) -> str:
        """The hosts as iptables-save prints them."""
        prefix = self.prefix
        mask = address_text(self.family, self.mask) if prefix is None else str(prefix)
        return f"{address_text(self.family, self.address)}/{mask}"


def parse_hosts(text: str, family: int) -> Hosts:
    """`ADDRESS`, `ADDRESS/PREFIX` or `ADDRESS/MASK`; host bits are masked away as the kernel does."""
    address, slash, length = text.partition("/")
    bits = ADDRESS_BITS[family]
    whole = (1 << bits) - 1
    host = parse_host(address, family)
    if not slash:
        mask = whole
    elif length.isdecimal() and length.isascii() and len(length) <= 3 and int(length) <= bits:
        mask = whole ^ ((1 << (bits - int(length))) - 1)
    else:
        mask = parse_host(length, family, "network mask")
    return Hosts(family, host & mask, mask)


def parse_host(text: str, family: int, what: str = "address") -> int:
    """One address of the family as an integer."""
    quad = QUAD.fullmatch(text) if family == 4 else None
    if quad is not None:
        first, second, third, fourth = map(int, quad.groups())
        return first << 24 | second << 16 | third << 8 | fourth
    try:
        found, value = parse_address(text)
    except ValueError:
        found, value = 0, 0
    if found not in (family, 0):
        raise Malformed(f"{text!r} is an IPv{found} address, where IPv{family} is expected")
    if found != family:
        raise Malformed(f"{text!r} is not an IPv{family} {what}")
    return value
