"""Verified for every cluster: what holds whoever is elsewhere, and whether the sets hold today what they stand for.

Spec: specs/questions/for_all.md
"""

from __future__ import annotations

from dataclasses import replace

from verifier.evidence.set_faults import SetFaults
from verifier.model.cluster import Cluster
from verifier.model.finding import ForAll, SetFault
from verifier.model.node import NodeState
from verifier.model.snapshot import Snapshot
from verifier.questions.for_all import Logic
from verifier.questions.variants import wrong_sets
from verifier.reference.view import view_of


def established(snapshot: Snapshot, node: NodeState, logic: Logic) -> ForAll:
    """What was shown of a node; `snapshot` is as it was read (FA-6)."""
    wrong = {name: each for name, each in wrong_sets(node, logic.ideal).items() if not each.quirk}
    faults = SetFaults(node, view_of(node, snapshot.cluster), wrong)
    told: tuple[SetFault, ...] = tuple(faults.fault(name) for name in sorted(wrong))
    return ForAll(
        logic.verdict.answer, logic.kinds, logic.conditions, len(logic.ideal), told, logic.unexplained, logic.presumed
    )


def together(read: Cluster, shown: list[Snapshot]) -> Cluster:
    """The cluster as it was read, with the pods of those in which findings are shown and that it does not have."""
    known = {(pod.full_name, *sorted(pod.addresses.items())) for pod in read.pods}
    imagined = [
        pod
        for each in shown
        for pod in each.cluster.pods
        if (pod.full_name, *sorted(pod.addresses.items())) not in known
    ]
    if not imagined:
        return read
    taken = {item for pod in imagined for item in pod.addresses.items()}
    real = [pod for pod in read.pods if not taken & set(pod.addresses.items())]
    spaces = {name: each for one in shown for name, each in one.cluster.namespaces.items()}
    return replace(read, pods=(*real, *imagined), namespaces={**read.namespaces, **spaces})
