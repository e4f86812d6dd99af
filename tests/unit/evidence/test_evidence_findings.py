"""Differences become findings only when both walks bear them out, and are told by what decides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.evidence.findings import (
    BLOCK,
    CHAINS,
    FAR,
    IN,
    OUT,
    PODS,
    SETS,
    WEB_IN,
    difference,
    findings,
    node,
    packet,
)  # fmt: skip
from tests.unit.reference.worlds import cluster, pod, policy, selecting
from verifier.compilers import by_name
from verifier.evidence.witness import build_findings
from verifier.model.disagreement import Disagreement
from verifier.model.fields import ConnState, End, Label, Scope
from verifier.model.finding import Kind
from verifier.model.path import Path
from verifier.model.predicate import TRUE, LabelIn, PortNamed, any_of
from verifier.model.profile import Deviation
from verifier.model.snapshot import Snapshot

LEAK, BLOCKED = Kind.LEAK, Kind.BLOCKED
APP = Label(End.SOURCE, Scope.POD, "app")


def lines(rules: tuple[object, ...]) -> list[int]:
    return [rule.origin.line for rule in rules]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("kind", "source", "text"),
    [
        (LEAK, "10.0.0.3", "asks accept"),
        (LEAK, "172.20.0.1", "walk through the chains ends in drop"),
        (BLOCKED, "172.16.0.1", "walk through the chains ends in accept"),
        (BLOCKED, "172.17.0.1", "the reference asks drop"),
    ],
)
def test_what_the_walks_do_not_bear_out_is_our_fault(kind: Kind, source: str, text: str) -> None:
    """A difference that is none, or is of the other kind, is a disagreement and never a finding."""
    path = Path.POD_TO_POD if source == "10.0.0.3" else Path.REMOTE_TO_POD
    with pytest.raises(Disagreement, match=text):
        findings([difference(kind, packet(source), path)], node())


def test_a_packet_outside_its_region_is_our_fault() -> None:
    """The witness must lie in the region that it stands for."""
    made = difference(LEAK, packet("172.17.0.1"))
    moved = replace(made, packet=packet("172.17.0.2"))
    open_sets = SETS.replace(" nomatch", "")
    assert findings([made], node(sets=open_sets))
    with pytest.raises(Disagreement, match="not in its region"):
        findings([moved], node(sets=open_sets))


def test_an_excused_packet_is_our_fault() -> None:
    """The engine leaves out what a deviation in force excuses."""
    there = node(sets=SETS.replace(" nomatch", ""))
    known = Deviation("known", "s", "doc", LEAK, frozenset({Path.REMOTE_TO_POD}))
    profile = replace(by_name("generic"), deviations=lambda _node: (known,))
    snapshot = Snapshot("snap", cluster(*PODS, policies=(WEB_IN,)), (there,), ())
    made = [difference(LEAK, packet("172.17.0.1"))]
    with pytest.raises(Disagreement, match="deviation known excuses"):
        build_findings(made, snapshot, there, profile, {})
    strict = build_findings(made, snapshot, there, profile, {}, ())
    assert strict[0].deviations == ("known",)


def test_a_leak_names_the_entry_the_rule_and_the_exception() -> None:
    """The rule that sets the mark decides, not those that pass it on; the entry and the block's exception are told."""
    (found,) = findings([difference(LEAK, packet("172.17.0.1"))], node(sets=SETS.replace(" nomatch", "")))
    assert found.cause == (
        "iptables-save:12 sets mark 0x10000 (as set peers holds source 172.17.0.1 by its entry 172.17.0.0/16), "
        "but ingress[0] of policy shop/web (p.yaml:7) excepts 172.17.0.0/16"
    )
    assert lines(found.rules) == [12, 6]
    assert found.policies[0] == (WEB_IN, WEB_IN.rules[0])
    assert found.witness.ingress is not None
    assert (found.id, found.witness.ingress.allowed, found.pods) == ("leak-1", False, ("shop/web",))


def test_a_leak_by_policy_of_the_chain_says_so() -> None:
    """Without the jump no rule decides."""
    there = node(CHAINS.replace("-A FORWARD -d 10.0.0.2/32 -j web\n", ""))
    (found,) = findings([difference(LEAK, packet("172.17.0.1"))], there)
    assert found.cause.startswith("no rule of filter/FORWARD decides and its policy accepts the packet, but ingress[0]")
    assert found.rules == ()


def test_tables_behind_the_filter_table_decide_no_accept() -> None:
    """What comes after the filter table only fails to drop the packet."""
    late = "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n"
    there = node(CHAINS + late, SETS.replace(" nomatch", ""))
    (found,) = findings([difference(LEAK, packet("172.17.0.1"))], there)
    assert lines(found.rules) == [12, 6]


def test_a_leak_by_an_accept_rule() -> None:
    """An accept that tests no mark decides alone."""
    there = node(CHAINS.replace("RELATED,ESTABLISHED", "NEW,RELATED,ESTABLISHED"))
    (found,) = findings([difference(LEAK, packet("9.9.9.9", port=81))], there)
    assert found.cause == (
        "iptables-save:7 accepts the packet, "
        "but policy shop/web (p.yaml:7) isolates shop/web for ingress and no rule allows it"
    )


def test_a_named_port_with_another_number_is_told() -> None:
    """The policy allows a port by name, and the destination has another number under it."""
    http = policy("shop/web", IN, selecting(IN, "shop", app="web"), (TRUE, PortNamed(6, "http")), line=3)
    there = node(CHAINS.replace("--dport 80", "--dport 81"))
    (found,) = findings([difference(LEAK, packet("172.16.0.1", port=81))], there, (http,))
    assert found.cause.endswith(
        "but ingress[0] of policy shop/web (p.yaml:3) allows port http, which is 80 on shop/web"
    )


@pytest.mark.parametrize(
    ("chains", "sets", "reason"),
    [
        (CHAINS, SETS + "add peers 172.18.0.0/16 nomatch\n", "the entry 172.18.0.0/16 nomatch of set peers leaves source 172.18.0.1 out"),
        (CHAINS, SETS.replace("add peers 172.16.0.0/14\n", ""), "set peers does not hold source 172.18.0.1"),
        (CHAINS.replace("--dport 80", "--dport 8080:8090"), SETS, "its destination port 80 is not 8080-8090"),
        (CHAINS.replace("-A policy -p tcp", "-A policy -s 10.0.0.0/8 -p tcp"), SETS, "its source 172.18.0.1 is not 10.0.0.0/8"),
    ],
)  # fmt: skip
def test_a_blocked_packet_names_the_rule_that_misses_it(chains: str, sets: str, reason: str) -> None:
    """Beside the rule that stops the packet stands the one that would have let it through, and why it did not."""
    (found,) = findings([difference(BLOCKED, packet("172.18.0.1"))], node(chains, sets))
    assert found.cause == (
        "ingress[0] of policy shop/web (p.yaml:7) allows the packet, but iptables-save:9 rejects it; "
        f"iptables-save:12 does not match it, as {reason}"
    )
    assert lines(found.rules) == [9, 12]
    assert found.policies == ((WEB_IN, WEB_IN.rules[0]),)


@pytest.mark.parametrize(("gone", "line"), [("10.0.0.3", 13), ("10.0.1.9", 14)])
def test_the_rule_for_the_same_peer_is_the_one_that_misses(gone: str, line: int) -> None:
    """Of rules that fail as many tests, the one whose set still holds the peer's other pods, not a block's or another."""
    sets = "create a hash:net family inet\nadd a 10.0.0.3\nadd a 10.0.0.4\ncreate b hash:net family inet\nadd b 10.0.1.9\nadd b 10.0.1.8\n"
    mark = '-A policy {} -m comment --comment "shop/web ingress" -j MARK --set-xmark 0x10000/0x10000\n'
    head, _, _ = CHAINS.partition("-A policy -p tcp")
    rules = [mark.format(test) for test in ("-s 172.16.0.0/16", "-m set --match-set a src", "-m set --match-set b src")]
    there = node(f"{head}{''.join(rules)}COMMIT\n", sets.replace(f" {gone}\n", " 9.9.9.9\n"))
    pods = (*PODS, pod("shop/far2", "10.0.1.8", {"app": "far"}, on="node-b"))
    peers = any_of(BLOCK, LabelIn(APP, frozenset({"api", "ops"})), LabelIn(APP, frozenset({"far"})))
    web = policy("shop/web", IN, selecting(IN, "shop", app="web"), (peers, TRUE), line=7)
    path = Path.POD_TO_POD if gone == "10.0.0.3" else Path.REMOTE_TO_POD
    (found,) = findings([difference(BLOCKED, packet(gone), path)], there, (web,), pods)
    assert lines(found.missed) == [line]
    assert [(step.table, step.chain, step.number) for step in found.places] == [("filter", "policy", line - 11)]


def test_a_leak_by_a_changed_exception_shows_the_rule_that_is_too_narrow() -> None:
    """The rule that takes only a part of the exception out is told with why it did not match."""
    narrow = '-A policy -s 172.17.0.0/17 -m comment --comment "shop/web ingress" -j RETURN\n'
    there = node(CHAINS.replace("-A policy -p", f"{narrow}-A policy -p"), SETS.replace(" nomatch", ""))
    (found,) = findings([difference(LEAK, packet("172.17.128.1"))], there)
    assert found.cause.endswith(
        "excepts 172.17.0.0/16; iptables-save:12 does not match it, as its source 172.17.128.1 is not 172.17.0.0/17"
    )
    assert lines(found.missed) == [12]


def test_a_mark_that_is_cleared_too_early_is_told() -> None:
    """When the bit was set and cleared in the same chain, the rule that cleared it decides."""
    clear = "-A web -j MARK --set-xmark 0x0/0x10000\n"
    there = node(CHAINS.replace(clear, "").replace("-A web -m mark !", f"{clear}-A web -m mark !"))
    (found,) = findings([difference(BLOCKED, packet("172.18.0.1"))], there)
    assert lines(found.rules)[:2] == [9, 10]
    assert "iptables-save:9 clears mark 0x10000 again" in found.cause


def test_established_packets_need_no_policy_rule() -> None:
    """A blocked reply is told by what the specification asks, not by a rule."""
    there = node(CHAINS.replace("RELATED,ESTABLISHED", "RELATED"))
    reply = replace(packet("9.9.9.9"), state=ConnState.ESTABLISHED)
    (found,) = findings([difference(BLOCKED, reply)], there)
    assert "ESTABLISHED packets belong to a connection that was let through" in found.cause
    assert found.policies == ()


def test_the_node_itself_is_told_whose_policies_its_chains_heed() -> None:
    """Between a node and its pods no policy counts; those that the chains seem to heed are named."""
    there = node(CHAINS.replace(":FORWARD ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]\n:OUTPUT DROP [0:0]"))
    (found,) = findings([difference(BLOCKED, packet("192.168.0.10", port=81), Path.NODE_TO_POD)], there)
    assert found.cause == (
        "the packet must be accepted (a node and its own pods can always reach each other), but no rule of "
        "filter/OUTPUT decides and its policy drops it, heeding that policy shop/web (p.yaml:7) isolates shop/web for "
        "ingress and no rule allows it"
    )


def test_differences_of_one_cause_are_one_finding() -> None:
    """Leaks through one rule are one finding whoever is concerned; the plainest packet tells it."""
    there = node(sets=SETS.replace(" nomatch", ""))
    made = [difference(LEAK, packet(f"172.17.0.{n}")) for n in (3, 1, 2)]
    (found,) = findings(made, there)
    assert len(found.region) == 1
    assert found.region[0].source == ((packet("172.17.0.1").source, packet("172.17.0.3").source),)
    assert found.witness.packet == packet("172.17.0.1")


def test_different_rules_are_different_findings() -> None:
    """Leaks come before blocked packets, and each rule that lets packets through is a finding."""
    extra = "-A policy -p tcp -m tcp --dport 81 -j MARK --set-xmark 0x10000/0x10000\nCOMMIT"
    there = node(
        CHAINS.replace("COMMIT", extra), SETS.replace("172.16.0.0/14", "172.16.0.0/16").replace(" nomatch", "")
    )
    made = [
        difference(BLOCKED, packet("172.18.0.1")),
        difference(LEAK, packet("9.9.9.9", port=81)),
        difference(LEAK, packet("172.17.0.1")),
        difference(LEAK, packet("9.9.9.8", port=81)),
    ]
    found = findings(made, there)
    assert [each.id for each in found] == ["leak-1", "leak-2", "blocked-1"]
    assert [len(each.region) for each in found] == [1, 1, 1]


def test_a_rule_in_the_way_of_many_pods_is_one_finding() -> None:
    """A drop before all pods' chains blocks what several policies allow: one cause. A pod's own drop is another."""
    stop = "-A FORWARD -d 10.0.0.2/32 -j web"
    there = node(CHAINS.replace(stop, f"-A FORWARD -p tcp -m tcp --dport 80 -j DROP\n{stop}"))
    other = policy("shop/api", IN, selecting(IN, "shop", app="api"), (TRUE, TRUE))
    made = [difference(BLOCKED, packet("172.18.0.1")), difference(BLOCKED, packet("172.18.0.1", "10.0.0.3"))]
    (found,) = findings(made, there, (WEB_IN, other))
    assert found.pods == ("shop/api", "shop/web")
    assert {each.name for each, _ in found.policies} == {"shop/web", "shop/api"}


def test_chains_of_two_pods_that_differ_in_the_pod_only_are_one_cause() -> None:
    """The same accept, each for its own pod's address, is one finding."""
    there = node(
        CHAINS.replace(
            "-A FORWARD -d 10.0.0.2/32 -j web",
            "-A FORWARD -d 10.0.0.2/32 -j ACCEPT\n-A FORWARD -d 10.0.0.3/32 -j ACCEPT\n-A FORWARD -s 10.0.0.9/32 -j DROP",
        )
    )
    both = policy("shop/all", IN, selecting(IN, "shop"))
    made = [difference(LEAK, packet("9.9.9.9", end)) for end in ("10.0.0.2", "10.0.0.3")]
    (found,) = findings(made, there, (both,))
    assert lines(found.rules) == [5, 6]
    assert len(found.region) == 1


def test_leaks_are_told_in_the_direction_that_denies() -> None:
    """A rule that speaks of the direction which the policies allow is not what is wrong."""
    chains = """\
*filter
:FORWARD ACCEPT [0:0]
-A FORWARD -m comment --comment "shop/api egress" -s 10.0.0.3/32 -j MARK --set-xmark 0x1/0x1
-A FORWARD -m comment --comment "shop/web ingress" -d 10.0.0.2/32 -j MARK --set-xmark 0x2/0x2
-A FORWARD -m mark --mark 0x3/0x3 -j ACCEPT
COMMIT
"""
    made = difference(LEAK, packet("10.0.0.3", port=81), Path.POD_TO_POD)
    (found,) = findings([made], node(chains))
    assert lines(found.rules) == [4, 5]


def test_the_comment_of_the_call_tells_the_direction_of_a_shared_chain() -> None:
    """A chain of both directions speaks of the one for which it is called; a rule's own comment goes before that."""
    chains = """\
*filter
:FORWARD ACCEPT [0:0]
:both - [0:0]
-A FORWARD -m comment --comment "default egress" -s 10.0.0.3/32 -j both
-A FORWARD -m comment --comment "shop/web egress rule" -d 10.0.0.2/32 -j MARK --set-xmark 0x2/0x2
-A FORWARD -m mark --mark 0x3/0x3 -j ACCEPT
-A both -j MARK --set-xmark 0x1/0x1
COMMIT
"""
    made = difference(LEAK, packet("10.0.0.3", port=81), Path.POD_TO_POD)
    (found,) = findings([made], node(chains.replace("web egress", "web ingress")))
    assert found.cause.startswith("iptables-save:5 sets mark 0x2, but")
    alone = (
        chains.replace("default egress", "default ingress")
        .replace("3/32 -j both", "9/32 -j both")
        .replace("0x3/0x3", "0x2/0x2")
    )
    (found,) = findings([made], node(alone))
    assert found.cause.startswith("iptables-save:5, a rule for egress, sets mark 0x2, but")


def test_two_rules_that_let_a_packet_through_together_are_no_two_findings() -> None:
    """Where both directions are wrong, the fewest rules that all leaks go through are the causes."""
    chains = """\
*filter
:FORWARD ACCEPT [0:0]
-A FORWARD -p tcp -m tcp --dport 81 -j MARK --set-xmark 0x2/0x2
-A FORWARD -p tcp -m tcp --dport 82 -j MARK --set-xmark 0x2/0x2
-A FORWARD -s 10.0.0.3/32 -j MARK --set-xmark 0x1/0x1
-A FORWARD -m mark --mark 0x3/0x3 -j ACCEPT
COMMIT
"""
    shut = policy("shop/api", OUT, selecting(OUT, "shop", app="api"))
    made = [difference(LEAK, packet("10.0.0.3", port=port), Path.POD_TO_POD) for port in (81, 82)]
    (found,) = findings(made, node(chains), (WEB_IN, shut))
    assert sorted(lines(found.rules)) == [3, 4, 5, 6]
    assert found.cause.endswith("; with other packets of the region also iptables-save:4")
    assert [step.rule.origin.line for step in found.places if step.rule] == [4]


def test_an_unknown_pod_is_told_by_its_address() -> None:
    """Pods of other nodes are remote ends here."""
    assert FAR in PODS
    (found,) = findings([difference(LEAK, packet("10.0.1.9", port=81))], node(CHAINS.replace("! --mark", "--mark")))
    assert found.pods == ("shop/web",)
