"""Regions: fewer boxes, the same packets."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.reference.worlds import ip, net, packet
from verifier.evidence.regions import contains, join, size
from verifier.model.fields import ConnState
from verifier.model.finding import Box

WHOLE = ((0, 65535),)
BOX = Box(
    source=(net("10.0.0.0/24"),),
    destination=((ip("10.0.0.2"), ip("10.0.0.2")),),
    protocols=(6,),
    source_ports=WHOLE,
    destination_ports=((80, 80),),
    icmp=WHOLE,
    states=(ConnState.NEW,),
)


def test_boxes_that_differ_in_one_dimension_become_one() -> None:
    """Neighbours join, whatever the dimension, and so do their joins."""
    next_net = replace(BOX, source=(net("10.0.1.0/24"),))
    both = replace(BOX, source=(net("10.0.0.0/23"),))
    assert join([BOX, next_net]) == (both,)
    four = [BOX, next_net, *(replace(each, destination_ports=((81, 81),)) for each in (BOX, next_net))]
    assert join(four) == (replace(both, destination_ports=((80, 81),)),)
    assert join([BOX, replace(BOX, protocols=(17,))]) == (replace(BOX, protocols=(6, 17)),)
    assert join([BOX, replace(BOX, protocols=None)]) == (replace(BOX, protocols=None),)
    assert join([BOX, replace(BOX, states=(ConnState.RELATED,))])[0].states == (ConnState.NEW, ConnState.RELATED)
    both_states = replace(next_net, states=(ConnState.NEW, ConnState.RELATED))
    assert len(join([BOX, replace(BOX, states=(ConnState.RELATED,)), both_states])) == 1
    assert join([replace(BOX, in_interfaces=("eth0",)), BOX]) == (BOX,)


def test_boxes_that_differ_in_two_dimensions_stay() -> None:
    """Their join would hold packets of neither."""
    other = replace(BOX, source=(net("10.0.1.0/24"),), destination_ports=((81, 81),))
    assert set(join([BOX, other])) == {BOX, other}


def test_joining_is_stable() -> None:
    """The order in which boxes come does not matter."""
    boxes = [replace(BOX, source=(net(f"10.0.{n}.0/24"),), destination_ports=((n, n),)) for n in range(9)]
    assert join(boxes) == join(reversed(boxes))


def test_containment_reads_only_fields_that_exist() -> None:
    """A port excludes no ICMP packet, flags no UDP packet; states, interfaces and translation always count."""
    inside = packet("10.0.0.7", "10.0.0.2")
    assert contains(BOX, inside)
    assert not contains(BOX, replace(inside, destination_port=81))
    assert not contains(BOX, replace(inside, state=ConnState.INVALID))
    assert not contains(BOX, replace(inside, protocol=17))
    every = replace(BOX, protocols=None, tcp_flags=(2,), icmp=((2048, 2048),))
    assert contains(every, replace(inside, protocol=1, icmp=2048, destination_port=0))
    assert not contains(every, replace(inside, protocol=1, icmp=0))
    assert not contains(every, replace(inside, tcp_flags=16))
    assert contains(every, replace(inside, protocol=17, tcp_flags=16))
    assert not contains(replace(BOX, in_interfaces=("wlan0",)), inside)
    assert contains(replace(BOX, in_interfaces=("eth0",)), inside)
    assert not contains(replace(BOX, ct_status=(1,)), inside)


def test_size_counts_combinations() -> None:
    """Addresses times ports times protocols times states, over all boxes."""
    assert size([BOX]) == 256 * 65536
    assert size([BOX, replace(BOX, protocols=(6, 17))]) == 3 * 256 * 65536
