"""Regions and boxes are sets: every operation on them is held against plain sets of cells."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.model.fields import Field
from verifier.semantics.boxes import Box3, complement, meet, merge
from verifier.semantics.decode import service_boxes
from verifier.semantics.line import Line, cells
from verifier.semantics.regions import Region, both, cut, join, minus, same, slice_at, union, within
from verifier.semantics.services import ServiceCuts, Services

WORLD = 15
BOXES = st.lists(st.tuples(st.integers(0, WORLD), st.integers(0, WORLD)), max_size=4)
BOXES3 = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.integers(0, 7)), max_size=4)


def points(region: Region) -> set[tuple[int, int]]:
    found = [(a, s) for addresses, services in region.items() for a in cells(addresses) for s in cells(services)]
    assert len(found) == len(set(found)), "service masks of a region overlap"
    return set(found)


def points3(boxes: list[Box3]) -> set[tuple[int, int, int]]:
    return {(x, y, z) for a, b, c in boxes for x in cells(a) for y in cells(b) for z in cells(c)}


def region(boxes: list[tuple[int, int]]) -> Region:
    return union(boxes, WORLD, WORLD)


@settings(max_examples=200, deadline=None)
@given(BOXES, BOXES, st.integers(0, WORLD), st.integers(0, WORLD))
def test_region_algebra_is_set_algebra(one: list[tuple[int, int]], two: list[tuple[int, int]], a: int, s: int) -> None:
    left, right = region(one), region(two)
    assert points(join(left, right)) == points(left) | points(right)
    assert points(minus(left, right)) == points(left) - points(right)
    assert points(both(left, right)) == points(left) & points(right)
    inside, outside = cut(left, a, s)
    assert points(inside) == {p for p in points(left) if a >> p[0] & 1 and s >> p[1] & 1}
    assert points(inside) | points(outside) == points(left)
    assert not points(inside) & points(outside)
    assert points(within(left, a)) == {p for p in points(left) if a >> p[0] & 1}
    assert same(left, right) == (points(left) == points(right))
    for cell in range(4):
        assert set(cells(slice_at(left, 1 << cell))) == {
            service for address, service in points(left) if address == cell
        }


@settings(max_examples=200, deadline=None)
@given(BOXES3, BOXES3)
def test_box_algebra_is_set_algebra(one: list[Box3], two: list[Box3]) -> None:
    assert points3(merge(one)) == points3(one)
    assert points3(meet(one, two)) == points3(one) & points3(two)
    assert points3(complement(one, (7, 7, 7))) == points3([(7, 7, 7)]) - points3(one)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)).map(sorted), max_size=5), st.integers(0, 300))
def test_a_line_is_cut_exactly_at_its_ranges(ranges: list[list[int]], value: int) -> None:
    line = Line([(lo, hi) for lo, hi in ranges], 300)
    for lo, hi in ranges:
        mask = line.mask(lo, hi)
        assert line.ranges(mask) == ((lo, hi),)
        assert (mask >> line.cell(value) & 1 == 1) == (lo <= value <= hi)


SERVICES = st.builds(
    lambda dports, sports, flags, status: (dports, sports, flags, status),
    st.sets(st.tuples(st.integers(0, 40), st.integers(41, 90)), max_size=2),
    st.sets(st.tuples(st.integers(0, 9), st.integers(10, 20)), max_size=1),
    st.sets(st.sampled_from([(2, 2), (2, 18), (16, 16), (0, 5)]), max_size=2),
    st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(SERVICES, st.randoms(use_true_random=False))
def test_boxes_of_services_hold_what_the_mask_holds(cuts: tuple, random: object) -> None:  # type: ignore[type-arg]
    made = ServiceCuts.empty()
    made.ports[Field.DESTINATION_PORT] |= cuts[0]
    made.ports[Field.SOURCE_PORT] |= cuts[1]
    made.flags |= cuts[2]
    made.status |= {(2, 2)} if cuts[3] else set()
    services = Services(made)
    mask = random.getrandbits(services.count)  # type: ignore[attr-defined]
    again = 0
    for box in service_boxes(services, mask):
        part = services.protocols([(p, p) for p in box.protocols])
        for field, ranges in (
            (Field.DESTINATION_PORT, box.destination_ports),
            (Field.SOURCE_PORT, box.source_ports),
            (Field.ICMP, box.icmp),
        ):
            if ranges != ((0, 65535),):
                part &= services.within(field, ranges)
        for field, values in ((Field.TCP_FLAGS, box.tcp_flags), (Field.CT_STATUS, box.ct_status)):
            if values is not None:
                part &= services.within(field, tuple((v, v) for v in values))
        assert not again & part, "two boxes of services overlap"
        again |= part
    assert again == mask
