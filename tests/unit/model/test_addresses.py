"""Networks are the fewest blocks that hold exactly the addresses."""

from __future__ import annotations

import ipaddress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.model.addresses import address_text, merge, networks, parse_address, subtract, whole
from verifier.model.predicate import Range

RANGES = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 60)).map(lambda pair: (pair[0], pair[0] + pair[1])))


def numbers(ranges: list[Range] | tuple[Range, ...]) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}


@given(RANGES)
def test_merge_keeps_the_numbers_and_joins_what_touches(ranges: list[Range]) -> None:
    merged = merge(ranges)
    assert numbers(merged) == numbers(ranges)
    assert all(one[1] + 1 < other[0] for one, other in pairwise(merged))


@given(RANGES, RANGES)
def test_subtract_removes_exactly_what_is_named(ranges: list[Range], removed: list[Range]) -> None:
    assert numbers(subtract(ranges, removed)) == numbers(ranges) - numbers(removed)


@given(RANGES)
def test_networks_are_exact_and_fewest(ranges: list[Range]) -> None:
    blocks = [ipaddress.IPv4Network(block) for block in networks(4, ranges)]
    assert sorted(int(each) for block in blocks for each in block) == sorted(numbers(ranges))
    assert blocks == list(ipaddress.collapse_addresses(blocks))


@pytest.mark.parametrize(("family", "text"), [(4, "0.0.0.0/0"), (6, "::/0")])
def test_everything_is_one_block(family: int, text: str) -> None:
    assert networks(family, whole(family)) == [text]


@pytest.mark.parametrize("text", ["10.244.1.2", "255.255.255.255", "fd00::1", "::"])
def test_addresses_round_trip(text: str) -> None:
    family, address = parse_address(text)
    assert address_text(family, address) == text


@pytest.mark.parametrize("text", ["", "10.0.0", "10.0.0.0/8", "fe80::1%eth0", "shop/web"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_address(text)
