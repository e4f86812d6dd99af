"""A small node whose chains mark what a policy allows, for the tests of the evidence."""

from __future__ import annotations

from collections.abc import Sequence

from tests.unit.reference.worlds import cluster, ip, net, pod, policy, selecting
from verifier.compilers import by_name
from verifier.evidence.witness import build_findings
from verifier.model.cluster import Pod
from verifier.model.fields import Field
from verifier.model.finding import Box, Difference, Finding, Kind
from verifier.model.node import InterfaceAddress, NodeState
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.policy import Direction, Policy
from verifier.model.predicate import InRange, all_of, any_of, equals
from verifier.model.snapshot import Snapshot
from verifier.readers.ipset_save import read_sets
from verifier.readers.iptables_save import read_ruleset

WEB = pod("shop/web", "10.0.0.2", {"app": "web"}, ports="http:tcp/80")
API = pod("shop/api", "10.0.0.3", {"app": "api"})
OPS = pod("shop/ops", "10.0.0.4", {"app": "ops"})
FAR = pod("shop/far", "10.0.1.9", {"app": "far"}, on="node-b")
PODS = (WEB, API, OPS, FAR)
IN, OUT = Direction.INGRESS, Direction.EGRESS
HTTP = all_of(equals(Field.PROTOCOL, 6), equals(Field.DESTINATION_PORT, 80))
BLOCK = InRange(Field.SOURCE, (net("172.16.0.0/16"), net("172.18.0.0/15")), 4)  # 172.16.0.0/14 but not 172.17.0.0/16
WEB_IN = policy(
    "shop/web",
    IN,
    selecting(IN, "shop", app="web"),
    (any_of(InRange(Field.SOURCE, (net("10.0.0.3/32"),), 4), BLOCK), HTTP),
    line=7,
)
CHAINS = """\
*filter
:FORWARD ACCEPT [0:0]
:web - [0:0]
:policy - [0:0]
-A FORWARD -d 10.0.0.2/32 -j web
-A FORWARD -m mark --mark 0x20000/0x20000 -j ACCEPT
-A web -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A web -m comment --comment "shop/web policy" -j policy
-A web -m mark ! --mark 0x10000/0x10000 -j REJECT --reject-with icmp-port-unreachable
-A web -j MARK --set-xmark 0x0/0x10000
-A web -j MARK --set-xmark 0x20000/0x20000
-A policy -p tcp -m comment --comment "shop/web ingress" -m set --match-set peers src -m tcp --dport 80 -j MARK --set-xmark 0x10000/0x10000
COMMIT
"""
SETS = """\
create peers hash:net family inet hashsize 1024 maxelem 65536
add peers 10.0.0.3
add peers 172.16.0.0/14
add peers 172.17.0.0/16 nomatch
"""


def node(chains: str = CHAINS, sets: str = SETS) -> NodeState:
    return NodeState(
        "node-a",
        {4: read_ruleset(chains, "snap/nodes/node-a/iptables-save", 4)},
        read_sets(sets, "snap/nodes/node-a/ipset-save"),
        (InterfaceAddress("eth0", 4, ip("192.168.0.10"), 24),),
    )


def packet(source: str, destination: str = "10.0.0.2", port: int = 80) -> Packet:
    return Packet(4, ip(source), ip(destination), 6, 40000, port, in_interface="eth0", out_interface="veth0")


def difference(kind: Kind, one: Packet, path: Path = Path.REMOTE_TO_POD) -> Difference:
    """A difference whose region is just its packet."""
    local = [each for each in PODS[:3] if each.addresses[4] in (one.source, one.destination)]
    box = Box(
        source=((one.source, one.source),),
        destination=((one.destination, one.destination),),
        protocols=(one.protocol,),
        source_ports=((0, 65535),),
        destination_ports=((one.destination_port, one.destination_port),),
        icmp=((0, 65535),),
        states=(one.state,),
    )
    return Difference(kind, path, 4, tuple(each.full_name for each in local), (box,), one)


def findings(
    differences: Sequence[Difference],
    there: NodeState,
    policies: tuple[Policy, ...] = (WEB_IN,),
    pods: tuple[Pod, ...] = PODS,
) -> tuple[Finding, ...]:
    snapshot = Snapshot("snap", cluster(*pods, policies=policies), (there,), ())
    return build_findings(differences, snapshot, there, by_name("generic"), {})
