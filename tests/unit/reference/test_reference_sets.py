"""Membership by content: directions, nomatch, ports, lists, address types."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from tests.unit.reference.worlds import cluster, ip, ipset, net, node, packet
from verifier.model.cluster import Cluster
from verifier.model.fields import ICMP, SCTP, TCP, UDP
from verifier.model.ipset import (
    AddressPart,
    InterfacePart,
    IpSet,
    MarkPart,
    OpaquePart,
    PortPart,
    SetContent,
    SetMember,
)
from verifier.model.node import NodeState
from verifier.model.origin import Origin
from verifier.model.packet import Packet
from verifier.model.predicate import Member
from verifier.reference.index import prefixes
from verifier.reference.sets import decisive, is_member
from verifier.reference.view import View, view_of


def cidr(text: str, nomatch: bool = False) -> SetMember:
    return SetMember(text + " nomatch" * nomatch, (AddressPart(*net(text)),), nomatch)


HOLED = ipset("holed", "hash:net", cidr("10.0.0.0/8"), cidr("10.1.0.0/16", nomatch=True), cidr("10.1.2.0/24"))
WHOLE = ipset("whole", "hash:net", cidr("10.1.0.0/16"))
PAIRS = ipset(
    "pairs",
    "hash:ip,port",
    (AddressPart(ip("10.0.0.2"), ip("10.0.0.2")), PortPart(TCP, 80, 80)),
    (AddressPart(ip("10.0.0.2"), ip("10.0.0.2")), PortPart(ICMP, 2048, 2048)),
    (AddressPart(ip("10.0.0.2"), ip("10.0.0.2")), PortPart(47, 0, 0)),
    (AddressPart(ip("10.0.0.2"), ip("10.0.0.2")), PortPart(50, 80, 80)),
)
PORTS = ipset("ports", "bitmap:port", (PortPart(None, 80, 90),), family=0)
OPAQUE = IpSet("opaque", 4, SetContent("hash:ip", 1, (), opaque="entries expire"), Origin("ipset-save", 9))
LIST = IpSet("list", 0, SetContent("list:set", 1, (), ("holed", "whole")), Origin("ipset-save", 9))
DEEP = IpSet("deep", 0, SetContent("list:set", 1, (), ("pairs", "whole")), Origin("ipset-save", 9))
TORN = IpSet("torn", 0, SetContent("list:set", 1, (), ("gone", "whole")), Origin("ipset-save", 9))
MAC = ipset("mac", "hash:ip,mac", (AddressPart(ip("10.0.0.1"), ip("10.0.0.1")), OpaquePart("00:11:22:33:44:55")))
IFACE = ipset("iface", "hash:net,iface", (AddressPart(*net("10.0.0.0/8")), InterfacePart("eth0")))
PORT = ipset(
    "port",
    "hash:net,iface",
    (AddressPart(*net("10.0.0.0/8")), InterfacePart("eth0")),
    (AddressPart(*net("10.1.0.0/16")), InterfacePart("veth1", physical=True)),
    (AddressPart(*net("10.1.2.0/24")), InterfacePart("eth0")),
    (AddressPart(*net("10.1.3.0/24")), InterfacePart("eth1")),
    (AddressPart(*net("10.1.3.0/24")), InterfacePart("veth1", physical=True)),
)
MARKS = ipset("marks", "hash:ip,mark", (AddressPart(ip("10.0.0.1"), ip("10.0.0.1")), MarkPart(7)))
RANGE = ipset("range", "bitmap:ip", (AddressPart(ip("10.0.0.3"), ip("10.0.0.9")),))
VIEW = view_of(
    node(None, HOLED, WHOLE, PAIRS, PORTS, OPAQUE, LIST, DEEP, TORN, MAC, IFACE, PORT, MARKS, RANGE), Cluster()
)


def ask(name: str, directions: str, one: Packet, nomatch: bool = False, view: View = VIEW) -> bool | None:
    return is_member(Member(name, tuple(directions.split(",")), nomatch), one, view)


@pytest.mark.parametrize(
    ("source", "expected", "returned"),
    [("10.0.0.1", True, False), ("10.1.0.1", False, True), ("10.1.2.3", True, False), ("11.0.0.1", False, False)],
)
def test_the_longest_prefix_decides(source: str, expected: bool, returned: bool) -> None:
    """Nomatch cuts a hole, a longer prefix fills it again; --return-nomatch asks for the hole alone."""
    assert ask("holed", "src", packet(source)) is expected
    assert ask("holed", "src", packet(source), nomatch=True) is returned


def test_directions_and_dimensions() -> None:
    """Fewer directions than dimensions never match; surplus ones are ignored."""
    one = packet(port=80)
    assert ask("pairs", "dst,dst", one) is True
    assert ask("pairs", "dst", one) is False
    assert ask("pairs", "dst,src", one) is False
    assert ask("whole", "dst,src,src", packet("1.1.1.1", "10.1.0.1")) is True


def test_ports_by_protocol() -> None:
    """The protocol belongs to the key; ICMP gives type and code in either direction, other protocols port 0."""
    assert ask("pairs", "dst,dst", packet(protocol=UDP)) is False
    for direction in ("src", "dst"):
        assert ask("pairs", f"dst,{direction}", replace(packet(protocol=ICMP), icmp=2048)) is True
    assert ask("pairs", "dst,dst", replace(packet(protocol=ICMP), icmp=2049)) is False
    assert ask("pairs", "dst,dst", packet(protocol=47)) is True
    assert ask("pairs", "dst,dst", packet(protocol=50)) is False


def test_bitmap_port_means_tcp_and_udp_only() -> None:
    """A member of bitmap:port matches TCP and UDP, nothing else, in either family."""
    assert [ask("ports", "dst", packet(protocol=each, port=85)) for each in (TCP, UDP, SCTP)] == [True, True, False]
    assert ask("ports", "dst", packet("fd00::1", "fd00::2", port=91)) is False
    assert ask("ports", "dst", packet("fd00::1", "fd00::2", port=80)) is True


def test_sets_of_the_other_family_hold_nothing() -> None:
    """An IPv4 set has no IPv6 packet, whatever the bits of the addresses."""
    assert ask("whole", "src", replace(packet("fd00::1", "fd00::2"), source=ip("10.1.0.1"))) is False


def test_lists_go_on_after_a_hole() -> None:
    """In a list:set a nomatch hit only means "not in this one"; a member of more dimensions never matches."""
    assert ask("list", "src", packet("10.1.0.1")) is True
    assert ask("list", "src", packet("11.0.0.1")) is False
    assert ask("deep", "dst", packet("1.1.1.1", "10.0.0.2")) is False
    assert ask("deep", "dst,dst", packet("1.1.1.1", "10.0.0.2")) is True


def test_what_the_dump_does_not_tell_is_undecided() -> None:
    """Expiring entries, absent sets, absent list elements and MAC addresses leave membership open where they matter."""
    assert ask("opaque", "src", packet()) is None
    assert ask("gone", "src", packet()) is None
    assert ask("torn", "src", packet("11.0.0.1")) is None
    assert ask("torn", "src", packet("10.1.0.1")) is True
    assert ask("mac", "src,src", packet()) is None
    assert ask("mac", "src,src", packet("10.0.0.9")) is False
    assert ask("whole", "src", packet(), view=view_of(NodeState("node-a"), Cluster())) is None


def test_other_dimensions() -> None:
    """Interfaces and marks are dimensions like others; a range that is no network holds its addresses."""
    assert ask("iface", "src,src", packet()) is True
    assert ask("iface", "src,dst", packet()) is False
    assert ask("marks", "src,src", packet()) is False
    assert ask("marks", "src,src", replace(packet(), mark=7)) is True
    assert [ask("range", "src", packet(f"10.0.0.{n}")) for n in (2, 3, 9, 10)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("source", "interface", "expected", "returned"),
    [
        ("10.9.0.1", "eth0", True, False),
        ("10.1.9.1", "eth0", None, False),
        ("10.1.9.1", "eth1", False, False),
        ("10.1.2.1", "eth0", True, False),
        ("10.1.3.1", "eth0", False, False),
        ("10.1.3.1", "eth1", True, False),
    ],
)
def test_a_bridge_port_may_hide_what_is_wider(
    source: str, interface: str, expected: bool | None, returned: bool
) -> None:
    """It leaves open what a wider network holds; what is in no set anyway, or in a longer network, is known."""
    one = replace(packet(source), in_interface=interface)
    assert ask("port", "src,src", one) is expected
    assert ask("port", "src,src", one, nomatch=True) is returned


def test_prefixes_cover_exactly_the_range() -> None:
    """A range is cut into prefixes without a gap or an overlap."""
    for first, last in ((0, 0), (0, 255), (3, 9), (1, 2**32 - 2), (0, 2**32 - 1)):
        spans = [(base << bits, (base + 1 << bits) - 1) for bits, base in prefixes(first, last)]
        assert spans[0][0] == first
        assert spans[-1][1] == last
        assert all(before[1] + 1 == after[0] for before, after in pairwise(spans))


def test_the_deciding_member_is_named() -> None:
    """For explanations: the most specific entry that fits."""
    hit = decisive(HOLED, ("src",), packet("10.1.0.1"), VIEW)
    assert hit is not None
    assert hit.text == "10.1.0.0/16 nomatch"
    assert decisive(HOLED, ("src",), packet("11.0.0.1"), VIEW) is None


@pytest.mark.parametrize(
    ("address", "types"),
    [
        ("192.168.0.10", {"@local"}),
        ("127.5.5.5", {"@local"}),
        ("192.168.0.255", {"@broadcast"}),
        ("255.255.255.255", {"@broadcast"}),
        ("0.0.0.0", {"@broadcast"}),
        ("224.0.0.1", {"@multicast"}),
        ("10.0.0.1", {"@unicast"}),
        ("fd00::10", {"@local", "@unicast"}),
        ("::1", {"@local", "@unicast"}),
        ("ff02::1", {"@multicast"}),
        ("::", {"@unspec"}),
    ],
)
def test_address_types(address: str, types: set[str]) -> None:
    """An IPv4 address has one type; an IPv6 address of the node is local and unicast."""
    asked = ("@local", "@broadcast", "@multicast", "@unicast", "@unspec")
    source = "10.0.0.1" if ":" not in address else "fd00::1"
    assert {kind for kind in asked if ask(kind, "dst", packet(source, address))} == types


def test_unknown_node_addresses_leave_local_open() -> None:
    """Without addresses of the node only what holds on every node is decided."""
    view = view_of(NodeState("node-a", sets={}), cluster())
    assert ask("@local", "dst", packet("10.0.0.1", "10.0.0.2"), view=view) is None
    assert ask("@local", "dst", packet("10.0.0.1", "127.0.0.1"), view=view) is True
    assert ask("@local", "dst", packet("10.0.0.1", "224.0.0.1"), view=view) is False
