"""The kernel oracle on the ways besides forwarding between two interfaces: to the node, from it, and across bridges."""

from __future__ import annotations

import pytest

from verifier.evidence.kernel.client import Kernel, unavailable
from verifier.evidence.kernel.records import Backend, Seen, Shot, Stage
from verifier.model.effect import Verdict
from verifier.model.fields import ConnState
from verifier.model.packet import FREE_INTERFACE, FREE_PORT, Packet
from verifier.model.path import Path

NODE = {4: 0x0A000009, 6: 0xFD00 << 112 | 9}
FAR = {4: 0x0A000001, 6: 0xFD00 << 112 | 1}
LENGTH = {4: 24, 6: 64}
STAGE = Stage(
    ("eth0", FREE_INTERFACE),
    (("br0", ("port1", "port2", "port" + FREE_PORT)),),
    tuple(("eth0", family, address, LENGTH[family]) for family, address in NODE.items()),
)
RULES = """*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p udp -m udp --dport 7 -j CT --notrack
-A OUTPUT -p udp -m udp --dport 9 -j DROP
-A OUTPUT -p udp -m udp --dport 7 -j CT --notrack
COMMIT
*mangle
:OUTPUT ACCEPT [0:0]
-A OUTPUT -p udp -m udp --dport 10 -j MARK --set-xmark 0x8/0xffffffff
-A OUTPUT -p udp -m udp --dport 11 -j DROP
COMMIT
*nat
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A OUTPUT -p udp -m udp --dport 12 -j DNAT --to-destination {far}:13
-A POSTROUTING -p udp -m udp --dport 14 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0 -p udp -m addrtype --dst-type LOCAL -j ACCEPT
-A INPUT -i br0 -m physdev --physdev-in port1 -j MARK --set-xmark 0x1/0xffffffff
-A INPUT -i br0 -m physdev --physdev-in port+ -j ACCEPT
-A FORWARD -m physdev --physdev-in port1 --physdev-out port2 --physdev-is-bridged -j ACCEPT
-A FORWARD -i br0 -o eth0 -m physdev --physdev-in port2 -j ACCEPT
-A FORWARD -i eth0 -o br0 -m physdev ! --physdev-is-bridged -j ACCEPT
-A FORWARD ! -i eth0 -o eth0 -m physdev ! --physdev-is-in -j ACCEPT
-A OUTPUT -m conntrack --ctstate UNTRACKED -j DROP
-A OUTPUT -p tcp -m conntrack --ctstate ESTABLISHED -j DROP
-A OUTPUT -p tcp -m connmark --mark 0x5 -j DROP
-A OUTPUT -p tcp -m conntrack --ctstate INVALID -j DROP
-A OUTPUT -o br0 -j REJECT
COMMIT
"""


@pytest.fixture(scope="module", params=list(Backend), ids=lambda backend: backend.value)
def kernel(request: pytest.FixtureRequest) -> Kernel:
    if reason := unavailable(request.param):
        pytest.skip(reason)
    made = Kernel(STAGE, request.param)
    request.addfinalizer(made.close)
    made.load(4, RULES.format(far="10.0.0.1"), "")
    made.load(6, RULES.format(far="[fd00::1]"), "")
    return made


Case = tuple[Path, dict[str, object], Verdict | None, object]
IN, OUT, THROUGH = Path.POD_TO_NODE, Path.NODE_TO_POD, Path.POD_TO_POD
KNOWN, WRONG, LOOSE = ConnState.ESTABLISHED, ConnState.INVALID, ConnState.UNTRACKED
CASES: dict[str, Case] = {
    "to the node": (IN, {"in_interface": "eth0"}, Verdict.ACCEPT, ("INPUT", 1, 0)),
    "to the node, dropped": (IN, {"in_interface": "eth0", "protocol": 6}, Verdict.DROP, ("INPUT", None, 0)),
    "to the node, known": (IN, {"in_interface": "eth0", "state": KNOWN}, Verdict.ACCEPT, ("INPUT", 1, 0)),
    "to the node, untracked by a rule": (IN, {"in_interface": "eth0", "destination_port": 7}, Verdict.ACCEPT, ("INPUT", 1, 0)),
    "to the node by a bridge": (IN, {"in_interface": "br0", "phys_in": "port2"}, Verdict.ACCEPT, ("INPUT", 3, 0)),
    "to the node by its first port": (IN, {"in_interface": "br0", "phys_in": "port1"}, Verdict.ACCEPT, ("INPUT", 3, 1)),
    "to the node, invalid": (IN, {"in_interface": "eth0", "state": WRONG}, Verdict.ACCEPT, ("INPUT", 1, 0)),
    "from the node": (OUT, {"out_interface": "eth0"}, Verdict.ACCEPT, ("OUTPUT", None, 0)),
    "from the node, marked": (OUT, {"out_interface": "eth0", "mark": 3}, Verdict.ACCEPT, ("OUTPUT", None, 3)),
    "from the node, marked by a rule": (OUT, {"out_interface": "eth0", "destination_port": 10}, Verdict.ACCEPT, ("OUTPUT", None, 8)),
    "from the node, dropped in raw": (OUT, {"out_interface": "eth0", "destination_port": 9}, Verdict.DROP, None),
    "from the node, dropped in mangle": (OUT, {"out_interface": "eth0", "destination_port": 11}, Verdict.DROP, None),
    "from the node, untracked by a rule": (OUT, {"out_interface": "eth0", "destination_port": 7}, Verdict.DROP, ("OUTPUT", 1, 0)),
    "from the node, untracked": (OUT, {"out_interface": "eth0", "state": LOOSE}, Verdict.DROP, ("OUTPUT", 1, 0)),
    "from the node, known": (OUT, {"out_interface": "eth0", "protocol": 6, "tcp_flags": 16, "state": KNOWN}, Verdict.DROP, ("OUTPUT", 2, 0)),
    "from the node, connmark": (OUT, {"out_interface": "eth0", "protocol": 6, "connmark": 5}, Verdict.DROP, ("OUTPUT", 3, 0)),
    "from the node, invalid": (OUT, {"out_interface": "eth0", "protocol": 6, "state": WRONG}, Verdict.DROP, ("OUTPUT", 4, 0)),
    "from the node, rejected": (OUT, {"out_interface": "br0"}, Verdict.DROP, ("OUTPUT", 5, 0)),
    "from the node, sent on": (OUT, {"out_interface": "eth0", "destination_port": 13, "original": 12}, Verdict.ACCEPT, ("OUTPUT", None, 0)),
    "from the node, masqueraded": (OUT, {"out_interface": "eth0", "destination_port": 14}, Verdict.ACCEPT, ("OUTPUT", None, 0)),
    "bridged": (THROUGH, {"in_interface": "br0", "out_interface": "br0", "phys_in": "port1", "phys_out": "port2", "bridged": 1}, Verdict.ACCEPT, ("FORWARD", 1, 0)),
    "bridged the other way": (THROUGH, {"in_interface": "br0", "out_interface": "br0", "phys_in": "port2", "phys_out": "port1", "bridged": 1}, Verdict.DROP, ("FORWARD", None, 0)),
    "bridged to a port without a name": (THROUGH, {"in_interface": "br0", "out_interface": "br0", "phys_in": "port1", "phys_out": "port" + FREE_PORT, "bridged": 1}, Verdict.DROP, ("FORWARD", None, 0)),
    "bridged between ports without names": (THROUGH, {"in_interface": "br0", "out_interface": "br0", "phys_in": "port" + FREE_PORT, "phys_out": "port" + FREE_PORT, "bridged": 1}, Verdict.DROP, ("FORWARD", None, 0)),
    "from a bridge": (THROUGH, {"in_interface": "br0", "out_interface": "eth0", "phys_in": "port2"}, Verdict.ACCEPT, ("FORWARD", 2, 0)),
    "to a bridge": (THROUGH, {"in_interface": "eth0", "out_interface": "br0"}, Verdict.ACCEPT, ("FORWARD", 3, 0)),
    "from afar by the node's own address": (THROUGH, {"in_interface": "eth0", "out_interface": "br0", "source": "own"}, Verdict.ACCEPT, ("FORWARD", 3, 0)),
    "from an interface without a name": (THROUGH, {"in_interface": FREE_INTERFACE, "out_interface": "eth0"}, Verdict.ACCEPT, ("FORWARD", 4, 0)),
    "from no interface": (THROUGH, {"out_interface": "eth0"}, Verdict.ACCEPT, ("FORWARD", 4, 0)),
    "bridged without a port": (THROUGH, {"in_interface": "br0", "out_interface": "br0", "phys_in": "port1", "bridged": 1}, None, "has a port"),
    "to the node, elsewhere": (IN, {"in_interface": "eth0", "destination": 0x0A000002}, None, "through FORWARD, not INPUT"),
    "a port of no bridge": (THROUGH, {"in_interface": "eth0", "out_interface": "br0", "phys_in": "port1"}, None, "no port of eth0"),
    "the way out of a routed packet": (THROUGH, {"in_interface": "eth0", "out_interface": "br0", "phys_out": "port1"}, None, "out by br0, not"),
    "from the node by an interface": (OUT, {"in_interface": "eth0", "out_interface": "eth0"}, None, "came in by no interface"),
}  # fmt: skip


def shot(way: Path, family: int, fields: dict[str, object], trace: bool) -> Shot:
    """A datagram to port 80 with these fields."""
    mine, theirs = NODE[family], FAR[family]
    ends = {IN: (theirs, mine), OUT: (mine, theirs), THROUGH: (theirs, theirs + 1)}[way]
    more: dict[str, object] = {"source_port": 1000, "destination_port": 80, "protocol": 17, **fields}
    if "original" in more:
        more["original"] = (ends[1] + 1, more["original"])
    if "source" in more:
        more["source"] = mine
    if family == 6 and "destination" in more:
        more["destination"] = ends[1] + 1
    packet = Packet(**{"family": family, "source": ends[0], "destination": ends[1], **more})  # type: ignore[arg-type]
    return Shot(packet, way, trace)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("name", CASES)
def test_a_packet_goes_its_way(kernel: Kernel, name: str, family: int) -> None:
    """Verdict, the last step in the filter table, and the final mark; or why there is none."""
    way, fields, verdict, told = CASES[name]
    traced, plain = kernel.ask([shot(way, family, fields, trace) for trace in (True, False)])
    assert (traced.verdict, plain.verdict) == (verdict, verdict), (traced.reason, plain.reason)
    if verdict is None:
        assert str(told) in traced.reason
        return
    assert _last(traced) == told
    if verdict is Verdict.ACCEPT:
        assert plain.mark == traced.mark


def _last(seen: Seen) -> tuple[str, int | None, int | None] | None:
    """The last step in the filter table with the final mark."""
    steps = [step for step in seen.steps if step.table == "filter"]
    return (steps[-1].chain, steps[-1].number, seen.mark) if steps else None
