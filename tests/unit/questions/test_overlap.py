"""Regions are divided exactly: every packet is in exactly one part."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from verifier.model.fields import ICMP, TCP, UDP, ConnState
from verifier.model.finding import Box, Endpoint
from verifier.questions.overlap import common, plain, tidy, without

WHOLE = ((0, 65535),)
BOX = Box(((1, 9),), ((20, 29),), (TCP,), WHOLE, WHOLE, WHOLE, (ConnState.NEW,))
SENT = Endpoint(((100, 109),), (TCP,), ((80, 89),))
NEW, LATER = (ConnState.NEW,), (ConnState.ESTABLISHED, ConnState.RELATED)


def ranges(top: int) -> st.SearchStrategy[tuple[tuple[int, int], ...]]:
    pair = st.tuples(st.integers(0, top), st.integers(0, top)).map(lambda two: (min(two), max(two)))
    return pair.map(lambda one: (one,))


BOXES = st.lists(
    st.builds(
        Box,
        source=ranges(5),
        destination=ranges(5),
        protocols=st.sampled_from([None, (TCP,), (UDP,), (TCP, UDP), (ICMP,), (UDP, ICMP), (50,)]),
        source_ports=st.just(WHOLE),
        destination_ports=st.sampled_from([WHOLE, ((0, 2),), ((2, 4),)]),
        icmp=st.sampled_from([WHOLE, ((2048, 2303),), ((0, 100),)]),
        states=st.sampled_from([NEW, LATER, (*NEW, *LATER)]),
        tcp_flags=st.sampled_from([None, (2,), (2, 16), (16, 18)]),
        in_interfaces=st.sampled_from([("eth0",), ("eth1",), ("eth0", "eth1")]),
        ct_status=st.sampled_from([None, (0,), (0, 2)]),
        through=st.sampled_from([(), (SENT,), (replace(SENT, ports=((85, 95),)),)]),
    ),
    min_size=1,
    max_size=3,
)
POINTS = [
    (source, destination, protocol, port, state, flags, interface, status, sent)
    for source in (0, 3, 5)
    for destination in (0, 2, 4)
    for protocol, port, flags in ((TCP, 0, 2), (TCP, 2, 2), (TCP, 3, 16), (UDP, 2, 0), (ICMP, 2048, 0), (50, 0, 0))
    for state in (ConnState.NEW, ConnState.RELATED)
    for interface in ("eth0", "eth1")
    for status in (0, 2)
    for sent in (0, 82, 87)
]


def inside(box: Box, point: tuple[int, int, int, int, ConnState, int, str, int, int]) -> bool:
    source, destination, protocol, port, state, flags, interface, status, sent = point

    def within(spans: tuple[tuple[int, int], ...], value: int) -> bool:
        return any(first <= value <= last for first, last in spans)

    return (
        within(box.source, source)
        and within(box.destination, destination)
        and (box.protocols is None or protocol in box.protocols)
        and (protocol not in (TCP, UDP) or within(box.destination_ports, port))
        and (protocol != ICMP or within(box.icmp, port))
        and state in box.states
        and (protocol != TCP or box.tcp_flags is None or flags in box.tcp_flags)
        and (not box.in_interfaces or interface in box.in_interfaces)
        and (box.ct_status is None or status in box.ct_status)
        and (not box.through if not sent else any(within(end.ports, sent) for end in box.through))
    )


@given(BOXES, BOXES)
def test_every_packet_is_common_or_left(some: list[Box], others: list[Box]) -> None:
    mine, theirs = plain(some), plain(others)
    shared, left = common(mine, theirs), without(mine, theirs)
    for point in POINTS:
        held = any(inside(box, point) for box in mine)
        also = any(inside(box, point) for box in theirs)
        assert any(inside(box, point) for box in shared) is (held and also)
        if held and not also:
            assert any(inside(box, point) for box in left)
        else:
            assert not any(inside(box, point) for box in left)


def test_fields_that_one_world_does_not_cut_are_compared_on_packets_that_exist() -> None:
    """A box of all flags and one of all flags that a new connection can have are the same packets."""
    cut = replace(BOX, tcp_flags=tuple(f for f in range(256) if (not f & 21 if f & 2 else f & 16 and not f & 5)))
    assert without(plain([BOX]), plain([cut])) == []
    assert tidy(plain([BOX])) == (BOX,)


def test_any_interface_without_a_named_one_stays() -> None:
    """Interfaces that have no name here are still there when the named ones are taken away."""
    named = replace(BOX, in_interfaces=("eth0",))
    assert without(plain([named]), plain([BOX])) == []
    assert without(plain([BOX]), plain([named])) != []


def test_packets_sent_elsewhere_are_other_packets() -> None:
    """A packet to a service and one to the pod behind it are two, whatever becomes of them."""
    sent = replace(BOX, through=(SENT,))
    assert common(plain([sent]), plain([BOX])) == []
    (left,) = without(plain([sent]), plain([replace(BOX, through=(replace(SENT, ports=((85, 95),)),))]))
    assert left.through == (replace(SENT, ports=((80, 84),)),)
