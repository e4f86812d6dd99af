"""Which documented differences a Calico dump shows."""

from __future__ import annotations

import pytest

from tests.unit.compilers.dumps import node, recorded
from verifier.compilers.calico import MODULE as CALICO
from verifier.model.addresses import parse_address
from verifier.model.fields import IPIP, UDP, ConnState, Field
from verifier.model.node import NodeState, Route
from verifier.model.path import Path
from verifier.model.policy import Direction
from verifier.model.predicate import InRange, Predicate, all_of, equals, negate
from verifier.model.profile import Deviation

BEGINNING = negate(InRange(Field.STATE, ((ConnState.ESTABLISHED, ConnState.RELATED),)))
HOOKS = ("-A INPUT -j cali-INPUT", "-A FORWARD -j cali-FORWARD", "-N cali-FORWARD")
ACCEPTING = '-A cali-wl-to-host -m comment --comment "Configured DefaultEndpointToHostAction" -j ACCEPT'
DROPPING = '-A cali-wl-to-host -m comment --comment "Configured DefaultEndpointToHostAction" -j DROP'
RETURNING = '-A cali-wl-to-host -m comment --comment "Configured DefaultEndpointToHostAction" -j RETURN'
ENTRY = "-A cali-INPUT -i cali+ -g cali-wl-to-host"


def found(read: NodeState) -> dict[str, Deviation]:
    return {deviation.name: deviation for deviation in CALICO.deviations(read)}


def vxlan(port: int) -> Predicate:
    return all_of(equals(Field.PROTOCOL, UDP), equals(Field.DESTINATION_PORT, port), BEGINNING)


@pytest.mark.parametrize(
    ("scenario", "own_node"),
    [
        ("seed", "own-node-egress"),
        ("seed-mask", "own-node-egress"),
        ("seed-v331", "own-node-egress"),
        ("features-dual", "own-node-egress"),
        ("shop-nft", "own-node-egress"),
        ("shop-drop", "endpoint-to-host"),
    ],
)
def test_deviations_of_recordings(scenario: str, own_node: str) -> None:
    """Recordings drop encapsulation from pods; the action toward the node is ACCEPT but in shop-drop."""
    (read,) = recorded("calico", scenario).nodes
    deviations = found(read)
    assert set(deviations) == {"vxlan-from-pods", "ipip-from-pods", own_node}
    assert deviations["vxlan-from-pods"].where == vxlan(4789)


def test_encapsulation_allowed() -> None:
    """Without the rules (they can be configured away) nothing is excused."""
    assert found(node(*HOOKS, "-N cali-INPUT", "-A cali-fw-cali1 -j DROP")) == {}


def test_ipip_from_pods() -> None:
    """Protocol 4 is excused where a pod's egress chain drops just that."""
    read = node(*HOOKS, "-N cali-INPUT", "-A cali-fw-cali1 -p ipencap -j DROP")
    (deviation,) = CALICO.deviations(read)
    assert deviation.name == "ipip-from-pods"
    assert deviation.where == all_of(equals(Field.PROTOCOL, IPIP), BEGINNING)
    assert deviation.paths == {Path.POD_TO_REMOTE, Path.POD_TO_POD, Path.POD_TO_NODE}


def test_vxlan_port_is_the_dumps() -> None:
    """Another port counts where cali-INPUT names it too; a rule that rejects counts like one that drops."""
    read = node(
        *HOOKS, "-A cali-INPUT -p udp -m multiport --dports 4790 -j DROP",
        "-A cali-fw-cali1 -p udp -m multiport --dports 4790 -j REJECT --reject-with icmp-port-unreachable",
    )  # fmt: skip
    assert found(read)["vxlan-from-pods"].where == vxlan(4790)


@pytest.mark.parametrize(
    "rule",
    [
        "-A cali-fw-cali1 -p udp -m multiport --dports 53 -j DROP",
        "-A cali-fw-cali1 -p udp -m multiport --dports 4789:4790 -j DROP",
        "-A cali-fw-cali1 -p tcp -m multiport --dports 4789 -j DROP",
        "-A cali-tw-cali1 -p udp -m multiport --dports 4789 -j DROP",
        "-A cali-fw-cali1 -p udp -m multiport --dports 4789 -j ACCEPT",
    ],
)
def test_other_drops_are_not_vxlan(rule: str) -> None:
    """A rule for another port, a range, another protocol, the other direction or another verdict excuses nothing."""
    assert found(node(*HOOKS, "-N cali-INPUT", rule)) == {}


def test_vxlan_by_network_number() -> None:
    """Releases before v3.9 test the VXLAN network number, which is not read; the port is excused as a whole."""
    rule = '-A cali-fw-cali1 -p udp -m multiport --dports 4789 -m u32 --u32 "0x0>>0x16&0x3c@0xc=0x100000" -j DROP'
    assert found(node(*HOOKS, "-N cali-INPUT", rule))["vxlan-from-pods"].where == vxlan(4789)


@pytest.mark.parametrize(
    ("rules", "name", "denied_by"),
    [
        pytest.param((ACCEPTING,), "own-node-egress", Direction.EGRESS, id="accept"),
        pytest.param((DROPPING,), "endpoint-to-host", None, id="drop"),
        pytest.param((RETURNING,), "own-node-egress", Direction.EGRESS, id="return to accept"),
        pytest.param((RETURNING, "-P INPUT DROP"), "endpoint-to-host", None, id="return to a dropping policy"),
        pytest.param((RETURNING, "-A INPUT -j REJECT"), "endpoint-to-host", None, id="return to a dropping rule"),
        pytest.param(("-N cali-wl-to-host", "-P INPUT DROP"), "own-node-egress", Direction.EGRESS, id="rule missing"),
    ],
)
def test_own_node(rules: tuple[str, ...], name: str, denied_by: Direction | None) -> None:
    """The configured action decides how much of a pod's way to its own node is excused."""
    (deviation,) = CALICO.deviations(node(*HOOKS, ENTRY, *rules))
    assert (deviation.name, deviation.denied_by, deviation.where) == (name, denied_by, BEGINNING)
    assert deviation.paths == {Path.POD_TO_NODE}


def test_own_node_in_two_families() -> None:
    """One setting governs both families: a drop in one of them alone is not what was configured."""
    read = node(*HOOKS, ENTRY, DROPPING, rules6=(*HOOKS, ENTRY, ACCEPTING))
    assert set(found(read)) == {"own-node-egress"}


def routed(read: NodeState, *networks: str) -> NodeState:
    """The node with a default route and routes to these networks."""
    routes = [Route(4, 0, (1 << 32) - 1, "eth0")]
    for network in networks:
        address, prefix = network.split("/")
        family, first = parse_address(address)
        routes.append(Route(family, first, first + (1 << (32 - int(prefix))) - 1, "eth0"))
    return NodeState(name=read.name, rulesets=read.rulesets, routes=tuple(routes))


def services(network: str = "10.96.0.0/12") -> NodeState:
    return node(*HOOKS, "-N cali-INPUT", f"-A cali-cidr-block -d {network} -j DROP")


def test_service_loop_prevention() -> None:
    """What cali-cidr-block drops toward a range of services is excused for pods that send to it."""
    deviation = found(routed(services(), "10.244.2.0/24"))["service-loop-prevention"]
    assert deviation.where == all_of(InRange(Field.DESTINATION, ((0x0A600000, 0x0A6FFFFF),)), BEGINNING)
    assert deviation.paths == {Path.POD_TO_REMOTE}
    assert "10.96.0.0/12" in deviation.sentence


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(routed(services(), "10.100.0.0/24"), id="a route leads into it"),
        pytest.param(routed(services("10.0.0.0/7")), id="too wide"),
        pytest.param(services(), id="routes not read"),
        pytest.param(NodeState("node-a", services().rulesets, routes=(Route(6, 0, (1 << 128) - 1, "eth0"),)), id="no route of the family"),
        pytest.param(routed(node(*HOOKS, "-N cali-INPUT", "-A cali-cidr-block -j DROP")), id="everything"),
        pytest.param(routed(node(*HOOKS, "-N cali-INPUT", "-A cali-cidr-block -d 10.96.0.0/12 -p tcp -j DROP")), id="one protocol"),
    ],
)  # fmt: skip
def test_other_drops_are_no_service_loops(read: NodeState) -> None:
    """Where real destinations may be meant, the drop stays a finding."""
    assert found(read) == {}
