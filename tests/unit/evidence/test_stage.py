"""A stage has what the packets need, and names for what has none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from verifier.evidence.stage import Stagehand
from verifier.model.cluster import Cluster, Node
from verifier.model.node import InterfaceAddress, NodeState
from verifier.model.origin import Origin
from verifier.model.packet import FREE_INTERFACE, FREE_PORT, Packet
from verifier.model.path import Path
from verifier.model.profile import Bridge
from verifier.readers.iptables_save import read_ruleset

PACKET = Packet(4, 0x0A000001, 0x0A000002, 6, in_interface="eth0", out_interface="cali1")
BRIDGE = Bridge("weave", "vethwepl", "vethwe-bridge")


def hand(rules: str = "", bridge: Bridge | None = None, **known: object) -> Stagehand:
    text = f"*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n{rules}COMMIT\n"
    node = NodeState("node-a", {4: read_ruleset(text, "iptables-save", 4)}, **known)  # type: ignore[arg-type]
    return Stagehand(node, Cluster(), 4, bridge)


def test_named_interfaces_are_on_the_stage() -> None:
    made = hand()
    entry = made.enter(PACKET, Path.REMOTE_TO_POD)
    assert entry.packet == PACKET
    assert entry.notes == ()
    assert made.stage().interfaces == ("eth0", "cali1")


@pytest.mark.parametrize("name", [FREE_INTERFACE, ""])
def test_an_unknown_interface_gets_a_name_that_no_rule_asks_for(name: str) -> None:
    made = hand("-A FORWARD -o pod0 -j DROP\n-A FORWARD ! -i pod1 -j DROP\n-A FORWARD -o pod2+ -j DROP\n")
    entry = made.enter(replace(PACKET, out_interface=name), Path.REMOTE_TO_POD)
    assert entry.packet.out_interface == "pod3"
    assert entry.notes == ("pod3 stands for a pod's interface, whose name is not known",)
    assert made.stage().interfaces == ("eth0", "pod3")


def test_both_ends_get_names_of_their_own() -> None:
    entry = hand().enter(replace(PACKET, in_interface=FREE_INTERFACE, out_interface=FREE_INTERFACE), Path.POD_TO_POD)
    assert (entry.packet.in_interface, entry.packet.out_interface) == ("pod0", "pod1")


def test_no_interface_is_needed_where_the_path_has_none() -> None:
    assert hand().enter(replace(PACKET, in_interface=""), Path.NODE_TO_POD).notes == ()
    assert hand().enter(replace(PACKET, out_interface=""), Path.POD_TO_NODE).notes == ()


def test_a_rule_that_every_name_fits_leaves_nothing_to_stand_in() -> None:
    made = hand("-A FORWARD -o p+ -j DROP\n")
    assert "no name can stand" in made.enter(replace(PACKET, out_interface=FREE_INTERFACE), Path.REMOTE_TO_POD).problem


def test_a_name_longer_than_the_kernel_has_is_a_problem() -> None:
    entry = hand().enter(replace(PACKET, out_interface="an-interface-too-long"), Path.REMOTE_TO_POD)
    assert "longer than" in entry.problem


def test_bridge_ports_are_the_bridges() -> None:
    made = hand("-A FORWARD -m physdev --physdev-in vethwepl0 -j DROP\n", BRIDGE)
    pod = "vethwepl" + FREE_PORT
    packet = replace(PACKET, in_interface="weave", out_interface="weave", phys_in=pod, phys_out=pod, bridged=1)
    entry = made.enter(packet, Path.POD_TO_POD)
    assert (entry.packet.phys_in, entry.packet.phys_out) == ("vethwepl1", "vethwepl2")
    assert made.stage().interfaces == ()
    assert made.stage().bridges == (("weave", ("vethwepl1", "vethwepl2", "vethwe-bridge")),)


def test_the_nodes_addresses_come_with_their_interfaces() -> None:
    addresses = (
        InterfaceAddress("lo", 4, 127 << 24 | 1, 8),
        InterfaceAddress("eth0", 4, 0xC0A8000A, 24),
        InterfaceAddress("docker0", 4, 0xAC110001, 16),
        InterfaceAddress("eth0", 6, 0xFE80 << 112 | 1, 64),
    )
    made = hand(addresses=addresses)
    made.enter(replace(PACKET, out_interface=""), Path.POD_TO_NODE)
    assert made.stage().addresses == (("eth0", 4, 0xC0A8000A, 24), ("docker0", 4, 0xAC110001, 16))
    assert made.stage().interfaces == ("eth0", "docker0")


def test_without_them_the_node_object_tells() -> None:
    cluster = Cluster(nodes={"node-a": Node("node-a", ((4, 0xC0A8000A),), Origin("nodes.yaml"))})
    made = Stagehand(NodeState("node-a"), cluster, 4, None)
    assert made.stage().addresses == (("eth0", 4, 0xC0A8000A, 32),)
