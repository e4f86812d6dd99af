"""Ideal sets from pods and blocks: the loaded set itself where it already holds what it stands for.

Spec: specs/policies/network_policy.md
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from verifier.compilers.selection import Population
from verifier.model.addresses import address_text, merge, networks, parse_address, subtract
from verifier.model.extent import extent, of_addresses
from verifier.model.fields import ADDRESS_BITS
from verifier.model.ipset import AddressPart, IpSet, SetContent, SetMember
from verifier.model.predicate import Range
from verifier.model.profile import IdealSet
from verifier.model.written import WrittenBlock

LEADING_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")


def ideal_pods(
    known: IpSet, population: Population, pods: int, meaning: str, besides: tuple[Range, ...] = ()
) -> IdealSet:
    """A set that stands for pods, and for some networks besides."""
    content = known.content
    if not besides and not content.opaque and content.dimensions == 1 and population.held(content) == pods:
        return IdealSet(known, meaning)
    addresses = sorted({address for _, address in population.listed(pods)})
    members = [SetMember(address_text(population.family, a), (AddressPart(a, a),)) for a in addresses]
    blocks = networks(population.family, besides)
    members += [SetMember(text, (AddressPart(*network(text)[:2]),)) for text in blocks]
    return ideal_members(known, SetContent("hash:net" if besides else "hash:ip", 1, tuple(members)), meaning)


def ideal_members(known: IpSet, content: SetContent, meaning: str) -> IdealSet:
    """A set that stands for these members."""
    loaded = known.content
    same = not loaded.opaque and loaded.kind != "list:set" and _alike(loaded.members, content.members)
    return IdealSet(known if same else replace(known, content=content), meaning)


def _alike(some: tuple[SetMember, ...], others: tuple[SetMember, ...]) -> bool:
    """Whether members hold the same packets: the same addresses, or, of several dimensions, the same entries."""
    if of_addresses(some) and of_addresses(others):
        return extent(some) == extent(others)
    return {(m.parts, m.nomatch) for m in some} == {(m.parts, m.nomatch) for m in others}


def block_ranges(blocks: Iterable[WrittenBlock], family: int) -> tuple[Range, ...]:
    """The addresses of one family in some block and in none of its own exceptions (NP-31, NP-32)."""
    held: list[Range] = []
    for block in blocks:
        first, last, own = network(block.cidr)
        if own == family:
            held += subtract(((first, last),), [network(text)[:2] for text in block.excepts])
    return merge(held)


def network(text: str) -> tuple[int, int, int]:
    """First and last address and family of a CIDR block that the API server accepted (NP-34)."""
    address, _, length = text.partition("/")
    family, value = parse_address(LEADING_ZEROS.sub("", address) if ":" not in address else address)
    spare = (1 << (ADDRESS_BITS[family] - int(length))) - 1
    return value & ~spare, value | spare, family


def ideal_blocks(known: IpSet, family: int, blocks: Iterable[WrittenBlock], meaning: str) -> IdealSet:
    """A set that stands for the addresses of blocks."""
    members = []
    for text in networks(family, block_ranges(blocks, family)):
        first, last, _ = network(text)
        members.append(SetMember(text, (AddressPart(first, last),)))
    return ideal_members(known, SetContent("hash:net", 1, tuple(members)), meaning)
