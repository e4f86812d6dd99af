"""Stages: which chains are the part of every end, and when entering the one from the other is for good."""

from __future__ import annotations

from verifier.compilers.generic import MODULE
from verifier.model.cluster import Cluster
from verifier.model.fields import ConnState
from verifier.model.node import NodeState
from verifier.model.path import FORWARD
from verifier.questions.world import World
from verifier.readers.iptables_save import read_ruleset
from verifier.semantics.program import Program
from verifier.semantics.scene import Axis
from verifier.semantics.stages import Stage, find_stages

RULES = """*filter
:INPUT ACCEPT
:FORWARD ACCEPT
:OUTPUT ACCEPT
:in -
:out -
:to -
:from -
:allowed -
-A FORWARD -j in
-A FORWARD -j out
-A in -d 10.0.0.0/30 -j to
-A in -m mark --mark 0x4/0x4 -j DROP
-A to -s 10.0.0.8/32 -j allowed
-A to -j MARK --set-xmark 0x4/0x4
-A allowed -j MARK --set-xmark 0x2/0x2
-A allowed -j out
-A out -s 10.0.0.4/30 -j from
-A out -m mark --mark 0x2/0x2 -j ACCEPT
-A from -d 10.0.0.9/32 -j ACCEPT
-A from -j DROP
COMMIT
"""
IN, OUT = ("filter", "in"), ("filter", "out")


def stages(text: str, mark: int = 0, shared: str = "") -> dict[Axis, Stage]:
    node = NodeState("node-a", {4: read_ruleset(text, "iptables-save", 4)})
    world = World(4, node.rulesets[4], Cluster(), node, MODULE, (), {})
    program = Program(world.ruleset, world.compiler, ConnState.NEW)
    return find_stages(program, program.path(FORWARD), mark, shared)


def test_both_chains_are_stages_and_the_second_is_beyond_the_first() -> None:
    """The mark with which `out` is entered from `in` lets nobody come back."""
    assert stages(RULES) == {
        Axis.DESTINATION: Stage(IN, "FORWARD", OUT),
        Axis.SOURCE: Stage(OUT, "FORWARD", None),
    }


def test_a_way_back_leaves_nothing_open() -> None:
    """Without the accept on the mark a packet returns from `out` into `in`."""
    found = stages(RULES.replace("-A out -m mark --mark 0x2/0x2 -j ACCEPT\n", ""))
    assert found[Axis.DESTINATION] == Stage(IN, "FORWARD", None)


def test_the_mark_that_a_packet_brings_along_counts() -> None:
    """A rule that toggles the mark makes the way back depend on the mark at the start."""
    toggled = RULES.replace("--set-xmark 0x2/0x2", "--set-xmark 0x2/0x0")
    assert stages(toggled)[Axis.DESTINATION].beyond == OUT
    assert stages(toggled, mark=2)[Axis.DESTINATION].beyond is None


def test_a_chain_that_tests_both_ends_is_no_stage() -> None:
    """One rule about the source makes `in` a chain like any other."""
    found = stages(RULES.replace("-A in -m mark", "-A in -s 10.0.0.9/32 -j to\n-A in -m mark"))
    assert set(found) == {Axis.SOURCE}


def test_a_chain_that_is_entered_by_one_end_is_no_stage() -> None:
    """Not every packet gets to `out`."""
    found = stages(RULES.replace("-A FORWARD -j out", "-A FORWARD -s 10.0.0.4/32 -j out"))
    assert set(found) == {Axis.DESTINATION}


def test_a_chain_that_tests_interfaces_is_no_stage() -> None:
    """Its rules know more than an address."""
    assert Axis.DESTINATION not in stages(RULES.replace("-A in -d 10.0.0.0/30 -j to", "-A in -o eth7 -j to"))


BRIDGED = """*filter
:INPUT ACCEPT
:FORWARD ACCEPT
:OUTPUT ACCEPT
:out -
:in -
-A FORWARD -i br0 -j out
-A FORWARD -o br0 -j in
-A FORWARD -o br0 -j DROP
-A out -d 10.0.0.1/32 -j RETURN
-A out -s 10.0.0.4/30 -d 10.0.0.9/32 -j RETURN
-A out -j DROP
-A in -s 10.0.0.8/30 -d 10.0.0.4/30 -j ACCEPT
COMMIT
"""


def test_chains_of_the_interface_that_all_pods_share_are_stages() -> None:
    """The one drops, the other accepts, and its caller drops what comes back."""
    assert stages(BRIDGED, shared="br0") == {
        Axis.SOURCE: Stage(OUT, "FORWARD", None),
        Axis.DESTINATION: Stage(IN, "FORWARD", None, accepting=True),
    }


def test_an_interface_of_some_pods_makes_no_stage() -> None:
    """Not every pod gets there."""
    assert stages(BRIDGED, shared="br1") == {}
    assert stages(BRIDGED) == {}
    assert Axis.SOURCE not in stages(BRIDGED.replace("-i br0", "! -i br0"), shared="br0")


def test_a_chain_that_accepts_everything_decides_nothing() -> None:
    """There is nothing to tell apart, so that the path is as short without it."""
    assert Axis.DESTINATION not in stages(BRIDGED.replace("-A in -s", "-A in -j ACCEPT\n-A in -s"), shared="br0")
