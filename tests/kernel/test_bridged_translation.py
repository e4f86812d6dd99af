"""The kernel oracle on packets that a bridge is to forward and that the rules give another destination behind a port."""

from __future__ import annotations

import pytest

from verifier.evidence.kernel.client import Kernel, unavailable
from verifier.evidence.kernel.records import Backend, Shot, Stage
from verifier.model.effect import Verdict
from verifier.model.fields import CtStatus
from verifier.model.packet import Packet
from verifier.model.path import Path

SERVICE, PODS = 0x0A600001, (0x0A000002, 0x0A000003)
STAGE = Stage((), (("br0", ("port1", "port2", "port3")),), ())
RULES = """*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.2:8080
-A PREROUTING -d 10.96.0.1/32 -p tcp -m tcp --dport 81 -j DNAT --to-destination 10.0.0.3:8080
COMMIT
*filter
:FORWARD DROP [0:0]
-A FORWARD -m physdev --physdev-in port1 --physdev-out port2 --physdev-is-bridged -m conntrack --ctstate DNAT -j ACCEPT
COMMIT
"""
SENT = Packet(
    4, 0x0A000001, PODS[0], 6, 40000, 8080, ct_status=CtStatus.DNAT, in_interface="br0", out_interface="br0",
    phys_in="port1", phys_out="port2", bridged=1, original=(SERVICE, 80),
)  # fmt: skip
OTHER = Packet(
    4, 0x0A000001, PODS[1], 6, 40000, 8080, ct_status=CtStatus.DNAT, in_interface="br0", out_interface="br0",
    phys_in="port1", phys_out="port3", bridged=1, original=(SERVICE, 81),
)  # fmt: skip
ASTRAY = Packet(
    4, 0x0A000001, PODS[0], 6, 40000, 8080, ct_status=CtStatus.DNAT, in_interface="br0", out_interface="br0",
    phys_in="port1", phys_out="port2", bridged=1, original=(SERVICE, 82),
)  # fmt: skip


@pytest.mark.parametrize("backend", Backend, ids=lambda backend: backend.value)
def test_the_bridge_forwards_what_the_rules_send_on(backend: Backend) -> None:
    """By the port of the new destination, as often as it is asked, and whatever went astray before."""
    if reason := unavailable(backend):
        pytest.skip(reason)
    with Kernel(STAGE, backend) as kernel:
        kernel.load(4, RULES, "")
        shots = [Shot(packet, Path.POD_TO_POD) for packet in (ASTRAY, SENT, OTHER, SENT, ASTRAY, SENT)]
        answers = kernel.ask(shots)
    verdicts = [answer.verdict for answer in answers]
    assert verdicts == [None, Verdict.ACCEPT, Verdict.DROP, Verdict.ACCEPT, None, Verdict.ACCEPT], answers
    assert [step.table for step in answers[5].steps][:1] == ["nat"]
