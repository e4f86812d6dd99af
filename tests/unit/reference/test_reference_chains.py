"""Traversal: hooks, verdicts, calls, gotos, marks, and what cannot be known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.reference.worlds import (
    ACCEPT,
    DROP,
    RETURN,
    Call,
    Goto,
    chains,
    cluster,
    ip,
    mark,
    marked,
    node,
    packet,
    rule,
)
from verifier.model.effect import Continue, Copy, Translate, Unknown, Verdict
from verifier.model.fields import ConnState, Field
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.predicate import Named, Not, Opaque, equals
from verifier.model.ruleset import Rule, Ruleset
from verifier.model.trace import ChainTrace
from verifier.reference.chains import walk
from verifier.reference.view import view_of

OPEN, SHUT, USER = Verdict.ACCEPT, Verdict.DROP, None
PACKET = packet()
UNSURE = Opaque("-m recent")


def run(rulesets: dict[int, Ruleset], one: Packet = PACKET, path: Path = Path.REMOTE_TO_POD) -> ChainTrace:
    there = node(rulesets)
    return walk(one, path, there, view_of(there, cluster()))


def forward(*rules: Rule, policy: Verdict = OPEN, **others: tuple[Rule, ...]) -> dict[int, Ruleset]:
    users = [("filter", name, USER, each) for name, each in others.items()]
    return chains(("filter", "FORWARD", policy, rules), *users)


def places(trace: ChainTrace) -> list[str]:
    return [f"{step.chain}:{step.number}" for step in trace.steps]


def test_the_policy_decides_at_the_end() -> None:
    """Without a matching rule the built-in chain's policy is the verdict, and is a step of its own."""
    trace = run(forward(rule(DROP, equals(Field.PROTOCOL, 17)), policy=SHUT))
    assert (trace.verdict, places(trace)) == (SHUT, ["FORWARD:0"])
    assert run(forward(policy=OPEN)).verdict is OPEN


def test_accept_ends_the_table_and_drop_is_final() -> None:
    """An accept in one table leaves the next one its say; a drop does not."""
    tables = chains(
        ("mangle", "FORWARD", OPEN, (rule(ACCEPT), rule(DROP))),
        ("filter", "FORWARD", OPEN, (rule(DROP),)),
    )
    trace = run(tables)
    assert (trace.verdict, places(trace)) == (SHUT, ["FORWARD:1", "FORWARD:1"])
    assert [step.table for step in trace.steps] == ["mangle", "filter"]
    assert len(run(chains(("raw", "PREROUTING", SHUT, ()), ("filter", "FORWARD", OPEN, ()))).steps) == 1


def test_call_and_return() -> None:
    """RETURN and the end of a called chain go on behind the call; RETURN in a built-in chain means its policy."""
    called = forward(rule(Call("a")), rule(DROP), a=(rule(RETURN), rule(ACCEPT)))
    assert places(run(called)) == ["FORWARD:1", "a:1", "FORWARD:2"]
    assert places(run(forward(rule(RETURN), rule(ACCEPT), policy=SHUT))) == ["FORWARD:1", "FORWARD:0"]


def test_goto_returns_to_the_caller_of_its_chain() -> None:
    """After a goto the end of the new chain goes on where the chain that did the goto was called."""
    rules = forward(
        rule(Call("a")), rule(DROP), a=(rule(Goto("b")), rule(ACCEPT)), b=(rule(mark(1)), rule(RETURN), rule(ACCEPT))
    )
    trace = run(rules)
    assert (trace.verdict, places(trace)) == (SHUT, ["FORWARD:1", "a:1", "b:1", "b:2", "FORWARD:2"])
    assert trace.mark == 1


def test_goto_from_a_builtin_chain_ends_in_the_policy() -> None:
    """There is no caller to go on in, so the policy decides."""
    trace = run(forward(rule(Goto("a")), rule(ACCEPT), policy=SHUT, a=()))
    assert (trace.verdict, places(trace)) == (SHUT, ["FORWARD:1", "FORWARD:0"])


def test_a_chain_can_be_called_twice_but_not_from_within() -> None:
    """Calling a chain again after it has returned is no loop; entering it while it is open is one."""
    assert run(forward(rule(Call("a")), rule(Call("a")), a=(rule(RETURN),))).verdict is OPEN
    loop = run(forward(rule(Call("a")), a=(rule(Call("b"), line=7),), b=(rule(Goto("a"), line=9),)))
    assert (loop.verdict, loop.reasons) == (None, ("loop: chain a leads back to itself (iptables-save:9)",))


def test_chains_that_go_to_each_other_are_a_loop() -> None:
    """A goto leaves no caller behind, but the chain that it left is still a place where the packet has been."""
    loop = run(forward(rule(Call("a")), a=(rule(Goto("b")),), b=(rule(Goto("a"), line=9),)))
    assert (loop.verdict, loop.reasons) == (None, ("loop: chain a leads back to itself (iptables-save:9)",))


def test_a_missing_chain_is_undecided() -> None:
    """A chain that the dump does not hold is named, not guessed."""
    trace = run(forward(rule(Call("gone"), line=3)))
    assert trace.verdict is None
    assert trace.reasons == ("chain gone of table filter is not in the dump (iptables-save:3)",)


def test_a_missing_dump_is_undecided() -> None:
    """Without a ruleset of the packet's family nothing is known."""
    assert run({}).reasons == ("the snapshot has no iptables-save of node node-a",)


@pytest.mark.parametrize(
    ("before", "value", "mask", "after"),
    [(0xF0, 0x1, 0x1, 0xF1), (0xF1, 0x0, 0x1, 0xF0), (0xF0, 0x4000, 0x0, 0x40F0), (0x40F0, 0x4000, 0x0, 0xF0)],
)
def test_marks_are_assigned_bit_by_bit(before: int, value: int, mask: int, after: int) -> None:
    """(mark & ~mask) ^ value: value bits outside the mask toggle."""
    trace = run(forward(rule(mark(value, mask))), replace(PACKET, mark=before))
    assert (trace.steps[0].mark_before, trace.steps[0].mark_after, trace.mark) == (before, after, after)


def test_marks_cross_tables_and_connmarks_copy() -> None:
    """A mark set in one table is tested in the next; CONNMARK saves and restores bits."""
    save = Copy(Field.CONNMARK, Field.MARK, 0xFF, 0xFF)
    restore = Copy(Field.MARK, Field.CONNMARK, 0xFFFFFFFF, 0xFFFFFFFF)
    tables = chains(
        ("mangle", "FORWARD", OPEN, (rule(mark(3)), rule(save), rule(mark(0, 0xFF)))),
        ("filter", "FORWARD", OPEN, (rule(restore), rule(DROP, marked(3)))),
    )
    assert run(tables).verdict is SHUT


def test_a_copy_changes_only_its_bits() -> None:
    """The target's mask says which bits are cleared, the source's which are copied."""
    copied = Copy(Field.MARK, Field.CONNMARK, 0x0F, 0x30)
    assert run(forward(rule(copied)), replace(PACKET, mark=0xFF, connmark=0xFF)).mark == 0xC0


def test_interfaces_exist_only_where_the_hook_has_them() -> None:
    """There is no out-interface in PREROUTING: a test by name fails there, its negation holds."""
    out = Named(Field.OUT_INTERFACE, "cali1")
    rules = chains(
        ("raw", "PREROUTING", OPEN, (rule(DROP, out), rule(mark(1), Not(out)))),
        ("filter", "FORWARD", OPEN, (rule(mark(2), out),)),
    )
    assert run(rules).mark == 3
    incoming = Named(Field.IN_INTERFACE, "eth0")
    late = chains(("mangle", "POSTROUTING", OPEN, (rule(DROP, incoming), rule(mark(1), Not(incoming)))))
    assert run(late).mark == 1


def test_nat_sees_the_first_packet_only() -> None:
    """Established packets pass nat by; Translate and accept end only that table."""
    snat = Translate(False, "MASQUERADE")
    tables = chains(("nat", "POSTROUTING", OPEN, (rule(snat), rule(DROP))), ("filter", "FORWARD", OPEN, ()))
    assert run(tables).verdict is OPEN
    tables = chains(("nat", "PREROUTING", SHUT, ()), ("filter", "FORWARD", OPEN, ()))
    states = {state: run(tables, replace(PACKET, state=state)).verdict for state in ConnState}
    assert [state for state, verdict in states.items() if verdict is SHUT] == [ConnState.NEW, ConnState.RELATED]


def test_a_rewritten_destination_is_undecided() -> None:
    """Where DNAT sends the packet is not followed."""
    tables = chains(("nat", "PREROUTING", OPEN, (rule(Translate(True, "DNAT"), line=5),)))
    trace = run(tables)
    assert trace.verdict is None
    assert "iptables-save:5" in trace.reasons[0]


def test_unknown_effects_are_undecided_where_they_are_reached() -> None:
    """An effect that is not understood leaves the verdict open, naming text and place."""
    effect = Unknown("-j TPROXY")
    assert run(forward(rule(effect, line=4))).reasons == ("-j TPROXY (iptables-save:4)",)
    assert run(forward(rule(ACCEPT), rule(effect))).verdict is OPEN


def test_an_opaque_match_matters_only_where_its_branches_differ() -> None:
    """Both ways are walked; the same verdict on both is the verdict."""
    same = forward(rule(DROP, UNSURE), rule(DROP))
    assert run(same).verdict is SHUT
    differ = run(forward(rule(DROP, UNSURE, line=2), rule(ACCEPT)))
    assert (differ.verdict, differ.reasons) == (None, ("-m recent (iptables-save:2)",))
    assert run(forward(rule(Continue(), UNSURE), rule(ACCEPT))).verdict is OPEN


def test_branching_is_bounded() -> None:
    """Too many opaque constructs on one way are reported, not explored for ever."""
    trace = run(forward(*(rule(mark(1 << bit), UNSURE, line=bit) for bit in range(30))))
    assert trace.verdict is None
    assert "more than 64 ways" in trace.reasons[-1]
    harmless = [rule(Continue(), UNSURE) for _ in range(100)]
    assert run(forward(*harmless, rule(DROP))).verdict is SHUT


def test_the_path_selects_the_hooks() -> None:
    """A packet to the node sees INPUT, one from the node OUTPUT, a forwarded one neither."""
    tables = chains(("filter", "INPUT", SHUT, ()), ("filter", "OUTPUT", SHUT, ()), ("filter", "FORWARD", OPEN, ()))
    here = replace(PACKET, destination=ip("192.168.0.10"))
    assert run(tables).verdict is OPEN
    assert run(tables, here, Path.POD_TO_NODE).steps[0].chain == "INPUT"
    assert run(tables, here, Path.NODE_TO_POD).steps[0].chain == "OUTPUT"
