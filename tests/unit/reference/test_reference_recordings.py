"""Walks through recorded nodes: known packets take the rules whose counters the kernel raised."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.corpus_path import corpus
from tests.unit.reference.worlds import ip
from verifier.compilers import recognise
from verifier.model.effect import Verdict
from verifier.model.packet import Packet
from verifier.model.path import Path as Way
from verifier.model.snapshot import Snapshot
from verifier.model.trace import ChainTrace
from verifier.readers.snapshot import read_snapshot
from verifier.reference.chains import walk
from verifier.reference.specification import expectation
from verifier.reference.view import view_of

BUSYBOX, CLIENT, STRANGER = ip("10.244.1.2"), ip("10.244.1.3"), ip("10.244.1.4")


def interface(snapshot: Snapshot, address: int) -> str:
    node = snapshot.nodes[0]
    pod = next(each for each in snapshot.cluster.pods if each.addresses.get(4) == address)
    return recognise(node).pod_interface(node, pod)


def to_busybox(snapshot: Snapshot, source: int) -> tuple[ChainTrace, Verdict | None]:
    node = snapshot.nodes[0]
    view = view_of(node, snapshot.cluster)
    wires = interface(snapshot, source), interface(snapshot, BUSYBOX)
    one = Packet(4, source, BUSYBOX, 6, 40000, 80, in_interface=wires[0], out_interface=wires[1])
    return walk(one, Way.POD_TO_POD, node, view), expectation(one, Way.POD_TO_POD, view, {}).must


def counters(listing: Path) -> Counter[tuple[str, int]]:
    """Packets by chain and rule number, from `iptables -nvxL`."""
    found: Counter[tuple[str, int]] = Counter()
    chain, number = "", 0
    for line in listing.read_text().splitlines():
        if head := re.match(r"Chain (\S+) \(", line):
            chain, number = head.group(1), 0
        elif count := re.match(r"\s+(\d+)\s+\d+ ", line):
            number += 1
            found[chain, number] = int(count.group(1))
    return found


@pytest.mark.parametrize("recording", ["seed", "seed-mask"])
@pytest.mark.parametrize(
    ("source", "before", "after", "verdict"),
    [
        (STRANGER, "before", "after-denied", Verdict.DROP),
        (CLIENT, "after-denied", "after-allowed", Verdict.ACCEPT),
    ],
)
def test_the_walk_takes_the_rules_that_the_kernel_counted(
    recording: str, source: int, before: str, after: str, verdict: Verdict
) -> None:
    """Of one packet, exactly the rules that match it in the walk have one packet more in the kernel."""
    folder = corpus("calico", recording)
    experiment = folder / "experiment"
    trace, must = to_busybox(read_snapshot(str(folder)), source)
    raised = counters(experiment / f"filter-{after}") - counters(experiment / f"filter-{before}")
    walked = Counter((step.chain, step.number) for step in trace.steps if step.table == "filter" and step.rule)
    assert walked == raised
    assert (trace.verdict, must) == (verdict, verdict)


@pytest.mark.parametrize("compiler", ["calico", "kube-router"])
def test_the_seed_policy_on_both_compilers(compiler: str) -> None:
    """Pods with the label may come, others may not; the block's exception is kept out."""
    snapshot = read_snapshot(str(corpus(compiler, "seed")))
    node = snapshot.nodes[0]
    view = view_of(node, snapshot.cluster)
    for source, verdict in (("172.17.2.1", Verdict.ACCEPT), ("172.17.1.1", Verdict.DROP), ("172.18.0.1", Verdict.DROP)):
        out = interface(snapshot, BUSYBOX)
        one = Packet(4, ip(source), BUSYBOX, 6, 40000, 80, in_interface="eth0", out_interface=out)
        assert walk(one, Way.REMOTE_TO_POD, node, view).verdict is verdict
        assert expectation(one, Way.REMOTE_TO_POD, view, {}).must is verdict
    for source_pod, verdict in ((CLIENT, Verdict.ACCEPT), (STRANGER, Verdict.DROP)):
        trace, must = to_busybox(snapshot, source_pod)
        assert (trace.verdict, must) == (verdict, verdict)
