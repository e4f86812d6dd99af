"""Counters that walked packets leave are explained by the ways that they went, with regions that hold them.

The reference walks random packets through recorded nodes and counts the rules that they match; from the counters
alone the explanation has to find the ways again, with and without the node. A node that is proved treats no packet
against the policies, documented differences aside.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest

from tests.corpus_path import corpus
from verifier.compilers import by_name, recognise
from verifier.evidence.regions import contains
from verifier.model.cluster import Cluster
from verifier.model.counters import CounterReport, Way
from verifier.model.fields import ConnState
from verifier.model.finding import Answer
from verifier.model.node import NodeState
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.ruleset import Chain, Ruleset
from verifier.model.snapshot import Snapshot
from verifier.questions.explain import AGAINST, Scenery, counter_report
from verifier.readers.snapshot import read_snapshot
from verifier.reference.chains import walk
from verifier.reference.view import view_of

PROVED = (("calico", "seed-mask"), ("calico", "shop"), ("kube-router", "shop"), ("azure", "shop"), ("weave", "shop"))
RECORDINGS = (*PROVED, ("calico", "shop-tiers"))
ROUNDS = 60 if os.environ.get("CHAINPROOF_FUZZ") == "long" else 6
SEED = os.environ.get("CHAINPROOF_SEED", "0")
Hit = tuple[str, str, int]


def packet_of(snapshot: Snapshot, node: NodeState, choose: random.Random) -> tuple[Packet, Path]:
    """A new or established packet to or from a pod of the node, where its interfaces say."""
    profile = recognise(node)
    local = [pod for pod in snapshot.cluster.pods if pod.node == node.name and pod.has_traffic and 4 in pod.addresses]
    pod = choose.choice(local)
    others = [other for other in local if other is not pod]
    far = [o.addresses[4] for o in snapshot.cluster.pods if o.node != node.name and o.has_traffic and 4 in o.addresses]
    path = choose.choice([Path.REMOTE_TO_POD, Path.POD_TO_REMOTE, Path.POD_TO_POD])
    remote = choose.choice([*far, (172 << 24) + (17 << 16) + (1 << 8) + 9, (8 << 24) + 8])
    ends = {
        Path.REMOTE_TO_POD: (remote, pod.addresses[4]),
        Path.POD_TO_REMOTE: (pod.addresses[4], remote),
        Path.POD_TO_POD: (pod.addresses[4], choose.choice(others).addresses[4]),
    }[path]
    devices = {
        each.addresses[4]: profile.pod_interface(node, each) or _routed(node, each.addresses[4]) for each in local
    }
    protocol = choose.choice([6, 6, 17, 132])
    packet = Packet(
        4,
        *ends,
        protocol,
        40000,
        choose.choice([80, 53, 8080, 5432, 443]),
        state=choose.choice([ConnState.NEW, ConnState.NEW, ConnState.NEW, ConnState.ESTABLISHED]),
        in_interface=devices.get(ends[0], "eth0"),
        out_interface=devices.get(ends[1], "eth0"),
    )
    return (packet if packet.state is ConnState.NEW else replace(packet, tcp_flags=16)), path


def _routed(node: NodeState, address: int) -> str:
    fitting = [r for r in node.routes or () if r.family == 4 and r.first <= address <= r.last]
    return min(fitting, key=lambda r: r.last - r.first).interface if fitting else "eth0"


def counted(ruleset: Ruleset, chains: Iterable[str], counts: Counter[Hit]) -> Ruleset:
    """Some chains of the filter table with these counters."""
    wanted = set(chains)

    def with_counters(chain: Chain) -> Chain:
        rules = tuple(
            replace(rule, packets=counts[chain.table, chain.name, number]) for number, rule in enumerate(chain.rules, 1)
        )
        packets = counts[chain.table, chain.name, 0] if chain.policy is not None else None
        return replace(chain, rules=rules, packets=packets)

    found = {
        key: with_counters(each) for key, each in ruleset.chains.items() if key[0] == "filter" and key[1] in wanted
    }
    return Ruleset(ruleset.family, found, "counters")


def spelled(way: Way) -> tuple[Hit, ...]:
    return tuple((step.table, step.chain, step.number) for step in way.steps)


def check(report: CounterReport, gone: list[tuple[tuple[Hit, ...], Packet]], *, known: bool) -> None:
    ways = Counter(hits for hits, _ in gone)
    for hits, many in ways.items():
        found = [way for way in report.ways if spelled(way) == hits]
        assert found, f"the way {hits} was gone, and is none of {[spelled(way) for way in report.ways]}"
        assert sum(way.least for way in found) <= many <= sum(way.most for way in found)
    for hits, packet in gone:
        shares = [share for way in report.ways if spelled(way) == hits for share in way.shares]
        boxes = [box for share in shares if known or not share.conditions for box in share.region]
        if known:
            assert any(contains(box, packet) for box in boxes), f"{packet} is in no region of its way"


@pytest.mark.exercises("CNT-1", "CNT-2", "CNT-3", "CNT-4")
@pytest.mark.parametrize("recording", RECORDINGS, ids="/".join)
@pytest.mark.parametrize("known", [True, False], ids=["beside the node", "alone"])
def test_the_ways_that_were_gone_are_found(recording: tuple[str, str], known: bool) -> None:
    """One to three packets; the whole filter table is counted, or beside the node also one chain alone."""
    snapshot = read_snapshot(str(corpus(*recording)))
    node = snapshot.nodes[0]
    view = view_of(node, snapshot.cluster)
    ruleset = node.rulesets[4]
    choose = random.Random(f"{recording} {SEED}")
    names = [name for table, name in ruleset.chains if table == "filter"]
    done = 0
    for _ in range(20 * ROUNDS):
        if done == ROUNDS:
            break
        packets = [packet_of(snapshot, node, choose) for _ in range(choose.choice([1, 1, 2, 3]))]
        traces = [walk(packet, path, node, view) for packet, path in packets]
        if any(trace.verdict is None for trace in traces):
            continue
        chains = names if not known or choose.random() < 0.5 else [choose.choice(names)]
        counts: Counter[Hit] = Counter()
        gone = []
        for (packet, _), trace in zip(packets, traces, strict=True):
            hits = tuple(
                (step.table, step.chain, step.number)
                for step in trace.steps
                if step.table == "filter" and step.chain in chains
            )
            counts.update(hits)
            if hits:
                gone.append((hits, packet))
        if not gone:
            continue
        done += 1
        before, after = counted(ruleset, chains, Counter()), counted(ruleset, chains, counts)
        scenery = Scenery(snapshot.cluster, node, recognise(node), True)
        if not known:
            scenery = Scenery(Cluster(), NodeState("", {4: after}), by_name("generic"), False)
        report = counter_report(before, after, scenery)
        assert report.answer is not Answer.UNDECIDED or report.ways, report.sentence
        if recording[0] != "weave":  # whose remote ends are behind its bridge, which these packets do not know
            check(report, gone, known=known)
        if known and recording in PROVED:
            assert not [way for way in report.ways if way.verdict and AGAINST[way.verdict] in (way.wishes or {})]
    assert done
