"""ipBlock: CIDR blocks with exceptions, validated as the API server does, as ranges of addresses.

Spec: specs/policies/network_policy.md (NP-31 to NP-35), specs/assumptions.md (AS-7)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from verifier.model.addresses import parse_address, subtract
from verifier.model.document import Part, shown
from verifier.model.fields import ADDRESS_BITS, Field
from verifier.model.predicate import FALSE, InRange, Predicate
from verifier.policies.selectors import only_fields

_LEADING_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")
_FORM = "write a network like 10.0.0.0/8 or fd00::/64"


@dataclass(frozen=True, slots=True)
class _Network:
    family: int
    first: int
    last: int
    prefix: int
    host_bits: bool


@dataclass(frozen=True, slots=True)
class Block:
    """A block in its narrow reading, and in its wide one: they differ where host bits are set (NP-34)."""

    narrow: Predicate
    wide: Predicate


def ip_block(part: Part, field: Field) -> Block:
    """The addresses of one family in the block and in none of its exceptions (NP-31, NP-32, NP-35).

    In the narrow reading a block with host bits holds nothing and every exception counts; in the wide one such a block
    is its network and an exception with host bits takes nothing away.
    """
    only_fields(part, "cidr", "except")
    block = _network(part, "cidr", part.text("cidr"))
    holes: list[_Network] = []
    for index, text in enumerate(part.texts("except")):
        name = f"except[{index}]"
        hole = _network(part, name, text)
        if hole.family != block.family or not (block.first <= hole.first <= block.last) or hole.prefix <= block.prefix:
            problem = f"{shown(text)} is not strictly inside {shown(part.text('cidr'))}"
            raise part.fault(name, problem, "an exception is a smaller network within the block; correct or remove it")
        holes.append(hole)

    def without(exceptions: list[_Network]) -> Predicate:
        left = subtract([(block.first, block.last)], [(hole.first, hole.last) for hole in exceptions])
        return InRange(field, left, block.family)

    plain = [hole for hole in holes if not hole.host_bits]
    return Block(FALSE if block.host_bits else without(holes), without(plain))


def network(part: Part, name: str, text: str, field: Field) -> Block:
    """The addresses of a network that is the item of a list; it has no exceptions (NP-34, CNP-10)."""
    block = _network(part, name, text)
    whole = InRange(field, ((block.first, block.last),), block.family)
    return Block(FALSE if block.host_bits else whole, whole)


def _network(part: Part, name: str, text: str) -> _Network:
    """A CIDR block as the API server reads it: host bits are masked, leading zeros do not count (NP-34)."""
    address, slash, length = text.partition("/")
    if not slash or not length.isascii() or not length.isdigit() or len(length) > 4:
        raise part.fault(name, f"expected a CIDR block, found {shown(text or None)}", _FORM)
    try:
        family, value = parse_address(_LEADING_ZEROS.sub("", address) if ":" not in address else address)
    except ValueError:
        raise part.fault(name, f"expected a CIDR block, found {shown(text)}", _FORM) from None
    bits, prefix = ADDRESS_BITS[family], int(length)
    if prefix > bits:
        raise part.fault(name, f"the prefix of {shown(text)} is longer than {bits} bits", _FORM)
    if family == 6 and value >> 32 == 0xFFFF:
        raise part.fault(name, f"{shown(text)} is an IPv4 network written as IPv6", "write it as IPv4, like 10.0.0.0/8")
    host_bits = (1 << (bits - prefix)) - 1
    return _Network(family, value & ~host_bits, value | host_bits, prefix, bool(value & host_bits))
