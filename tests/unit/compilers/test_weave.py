"""What the Weave Net profile reads out of a dump."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.corpus_path import corpus
from tests.unit.compilers.dumps import node, pod, recorded
from verifier import session
from verifier.compilers import recognise
from verifier.compilers.weave import MODULE as WEAVE
from verifier.model.cluster import Pod
from verifier.model.node import InterfaceAddress, NodeState
from verifier.model.options import VerifyOptions
from verifier.model.packet import FREE_PORT
from verifier.readers.iptables_save import read_ruleset

HOOK = "-A FORWARD -o weave -j WEAVE-NPC"
RANGE = (0x0AF40000, 0x0AF4FFFF)


def test_recording_is_recognised() -> None:
    """The chains that INPUT and FORWARD enter show it."""
    (read,) = recorded("weave", "seed").nodes
    assert recognise(read) is WEAVE


@pytest.mark.parametrize(
    "rules",
    [(HOOK, "-N WEAVE-NPC"), ("-A FORWARD -d 10.32.0.0/12 -j WEAVE-EXPOSE", "-N WEAVE-EXPOSE")],
    ids=["with the controller", "without"],
)
def test_hook_is_enough(rules: tuple[str, ...]) -> None:
    """With and without the policy controller."""
    assert recognise(node(*rules)) is WEAVE


def test_own_chains() -> None:
    """Everything with the prefix of the controller, and the few chains of the router."""
    (read,) = recorded("weave", "seed").nodes
    chains = {key for ruleset in read.rulesets.values() for key in ruleset.chains}
    own = {key for key in chains if WEAVE.own_chain(*key)}
    assert {chain for _, chain in own} >= {"WEAVE", "WEAVE-NPC", "WEAVE-NPC-EGRESS-CUSTOM"}
    assert {chain for _, chain in chains - own} <= {"INPUT", "FORWARD", "OUTPUT", "PREROUTING", "POSTROUTING"}
    for _, chain in own:
        assert WEAVE.explain_chain(read, chain).startswith("Weave Net: ")
    assert not WEAVE.explain_chain(read, "FORWARD")


def test_mark_bit() -> None:
    """Shown where the dump sets it."""
    (read,) = recorded("weave", "seed").nodes
    assert [bit.mask for bit in WEAVE.mark_bits(read)] == [0x40000]
    assert not WEAVE.mark_bits(node(HOOK, "-N WEAVE-NPC"))


def test_bridge_of_the_recording() -> None:
    """The range of the nat table is what the bridge's own address says."""
    (read,) = recorded("weave", "seed").nodes
    bridge = WEAVE.bridge(read)
    assert bridge is not None
    assert (bridge.interface, bridge.uplink, bridge.networks) == ("weave", "vethwe-bridge", {4: (RANGE,)})


def test_bridge_is_unknown_without_its_uplink() -> None:
    """Interfaces that were read and do not have it say that this is not the bridge that is known."""
    (read,) = recorded("weave", "seed").nodes
    assert WEAVE.bridge(replace(read, interfaces=("lo", "eth0", "weave"))) is None
    assert WEAVE.bridge(replace(read, interfaces=None)) is not None


@pytest.mark.parametrize("table", [("! -s 10.32.0.0/12 -d 10.32.0.0/12",), ("-s 10.32.0.0/12 ! -d 10.32.0.0/12",)])
def test_range_needs_both_rules(table: tuple[str, ...]) -> None:
    """One rule alone, or two that differ, may be anybody's."""
    other = "-s 10.0.0.0/8 ! -d 10.0.0.0/8" if table[0].startswith("!") else "! -s 10.0.0.0/8 -d 10.0.0.0/8"
    for rules in (table, (*table, other)):
        bridge = WEAVE.bridge(_with_nat(*rules))
        assert bridge is not None
        assert not bridge.networks


def _with_nat(*rules: str) -> NodeState:
    lines = "".join(f"-A WEAVE {rule} -j MASQUERADE\n" for rule in rules)
    text = f"*nat\n:POSTROUTING ACCEPT [0:0]\n:WEAVE - [0:0]\n-A POSTROUTING -j WEAVE\n{lines}COMMIT\n"
    return replace(node(), rulesets={4: read_ruleset(text, "iptables-save", 4)})


def _at(address: int) -> Pod:
    return replace(pod("shop/web"), addresses={4: address})


def test_pods_are_on_the_bridge_where_its_network_is() -> None:
    """A pod of another network is not."""
    attached = (InterfaceAddress("weave", 4, 0x0A200001, 12),)
    here = replace(node(HOOK, "-N WEAVE-NPC"), addresses=attached)
    assert WEAVE.pod_interface(here, _at(0x0A200002)) == "weave"
    assert WEAVE.pod_interface(here, _at(0x0AF40002)) == ""
    assert WEAVE.pod_interface(node(HOOK, "-N WEAVE-NPC"), _at(0x0AF40002)) == "weave"


def test_report_names_the_policies_that_are_read_otherwise() -> None:
    """A proof that leaves policies aside says which, and a witness says by which ports it crosses the bridge."""
    report = session.verify(str(corpus("weave", "features")), VerifyOptions())
    (premise,) = report.nodes[0].deviations
    assert premise.sentence.endswith("(here x/everything, y/db-only-from-web)")
    strict = session.verify(str(corpus("weave", "features")), VerifyOptions(strict=True))
    ports = {(packet.phys_in, packet.phys_out) for each in strict.nodes[0].findings for packet in [each.witness.packet]}
    assert ports == {
        ("vethwe-bridge", f"vethwepl{FREE_PORT}"),
        (f"vethwepl{FREE_PORT}", ""),
        (f"vethwepl{FREE_PORT}", f"vethwepl{FREE_PORT}"),
    }
