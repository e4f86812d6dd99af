"""What a proof for every cluster costs as the cluster grows around a recorded node: in ratios to the smallest of the run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

from benchmarks.measure import ROOT
from verifier.compilers import recognise
from verifier.model.cluster import Cluster, Pod
from verifier.model.finding import Answer
from verifier.model.options import VerifyOptions, silent
from verifier.questions.for_all import ask
from verifier.readers.snapshot import read_snapshot

COMPILERS = ("azure", "calico", "kube-router", "weave")
PODS = (100, 1_000, 10_000)
"""Pods in the cluster."""
RUNS = 3
FIRST = 10 << 24 | 250 << 16
"""The first address of the pods that are added."""


def report() -> Iterator[str]:
    """A line for each plug-in: the processor time of the proof, and of computing what each set stands for today, which it begins with."""
    base = Path(os.environ.get("CHAINPROOF_CORPUS", ROOT.parent / "shared" / "corpus"))
    for compiler in COMPILERS:
        folder = base / compiler / "shop"
        if not folder.exists():
            yield f"{compiler}, every cluster: skipped, no recordings at {base} (set CHAINPROOF_CORPUS)"
            continue
        costs = [min(_costs(folder, pods) for _ in range(RUNS)) for pods in PODS]
        proofs, contents = ([cost[which] / costs[0][0] for cost in costs] for which in (0, 1))
        sizes = " : ".join(f"{each:,}" for each in PODS)
        yield f"{compiler}, every cluster, {sizes} pods: proof {_ratios(proofs)}, contents of sets {_ratios(contents)}"


def _ratios(ratios: list[float]) -> str:
    return " : ".join(f"{each:.2f}" for each in ratios)


def _costs(folder: Path, pods: int) -> tuple[float, float]:
    """Processor seconds of the proof for every cluster, and of what the sets stand for in this one."""
    snapshot = read_snapshot(str(folder))
    (node,) = snapshot.nodes
    grown = replace(snapshot, cluster=_grown(snapshot.cluster, node.name, pods))
    profile = recognise(node)
    start = time.process_time()
    found = ask(grown, node, profile, VerifyOptions(), silent).verdict
    between = time.process_time()
    profile.ideal_sets(node, grown.cluster)
    end = time.process_time()
    if found.answer is not Answer.PROVED:
        raise RuntimeError(f"{folder}, {pods} pods: {found.answer.value}")
    return between - start, end - between


def _grown(cluster: Cluster, node: str, pods: int) -> Cluster:
    """The cluster with copies of the pods of other nodes, so that there are so many in all."""
    models = [pod for pod in cluster.pods if pod.node != node and pod.has_traffic]
    copies = islice(cycle(models), max(0, pods - len(cluster.pods)))
    return replace(cluster, pods=(*cluster.pods, *(_copy(pod, number) for number, pod in enumerate(copies))))


def _copy(pod: Pod, number: int) -> Pod:
    return replace(pod, name=f"{pod.name}-{number}", addresses={4: FIRST + number})


if __name__ == "__main__":
    print("\n".join(report()))
