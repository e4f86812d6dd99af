"""Recorded nodes, proved for every cluster: what their sets stand for, and what follows from it for the cluster of today."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.corpus_path import corpus
from verifier import session
from verifier.compilers import recognise
from verifier.model.extent import extent, of_addresses
from verifier.model.fields import End
from verifier.model.finding import Answer, VerifyReport
from verifier.model.ipset import AddressPart, PortPart, SetContent, SetMember
from verifier.model.node import NodeState
from verifier.model.options import VerifyOptions
from verifier.model.profile import Selection
from verifier.model.snapshot import Snapshot
from verifier.questions.relevance import Home, Near
from verifier.questions.universal import content
from verifier.readers.snapshot import read_snapshot

RECORDED = [
    *((compiler, scenario) for compiler in ("azure", "calico", "kube-router", "weave") for scenario in ("seed", "shop", "features")),
    ("calico", "features-dual"),
    ("weave", "features-numeric"),
]  # fmt: skip
OTHERWISE = {("azure", "features"), ("kube-router", "features")}
"""Where the rules are not right for every cluster: for kube-router's, a pod of the policy elsewhere passes by a rule for egress."""


def verified(snapshot: Path, *, for_all: bool) -> VerifyReport:
    return session.verify(str(snapshot), VerifyOptions(for_all=for_all))


@pytest.mark.exercises("FA-1", "FA-7")
@pytest.mark.parametrize(("compiler", "scenario"), RECORDED)
def test_a_proof_for_every_cluster_with_sets_that_are_right_is_one_for_today(compiler: str, scenario: str) -> None:
    """And every recording is proved or refuted."""
    folder = corpus(compiler, scenario)
    found = verified(folder, for_all=True)
    assert found.answer is (Answer.REFUTED if (compiler, scenario) in OTHERWISE else Answer.PROVED)
    if found.answer is Answer.PROVED:
        assert verified(folder, for_all=False).answer is Answer.PROVED


@pytest.mark.exercises("FA-6")
@pytest.mark.parametrize(("compiler", "scenario"), [*RECORDED, ("calico", "scale-small"), ("azure", "scale-small"), ("weave", "scale-small")])  # fmt: skip
def test_what_a_set_stands_for_is_what_it_holds(compiler: str, scenario: str) -> None:
    """The condition of each set selects the pods of today that the set holds, and nothing else."""
    snapshot = read_snapshot(str(corpus(compiler, scenario)))
    for node in snapshot.nodes:
        profile = recognise(node)
        ideal = profile.ideal_sets(node, snapshot.cluster)
        selections = profile.selections(node, snapshot.cluster)
        assert selections.keys() == ideal.keys()
        for name, selection in selections.items():
            if selection is None:
                continue
            held = _held(((node.sets or {})[name] if ideal[name].quirk else ideal[name].content).content, node)
            family = (node.sets or {})[name].family or 4
            assert held == _selected(snapshot, family, selection), name


def _held(known: SetContent, node: NodeState) -> object:
    """The addresses of a set, or its addresses with ports."""
    members = list(known.members)
    for name in known.lists:
        members += (node.sets or {})[name].content.members
    return _extent(members)


def _extent(members: Sequence[SetMember]) -> object:
    if of_addresses(members):
        return extent(members)
    return {
        (address.first, port.protocol, port.first)
        for address, port in (member.parts for member in members)
        if isinstance(address, AddressPart) and isinstance(port, PortPart)
    }


def _selected(snapshot: Snapshot, family: int, selection: Selection) -> object:
    pods = [pod for pod in snapshot.cluster.pods if pod.has_traffic and family in pod.addresses]
    near = Near(family, [Home(pod, pod.addresses[family], None) for pod in pods], snapshot.cluster, {}, {})
    chosen, _ = near.passing(selection.pods, End.SOURCE)
    return _extent(content(family, selection, [pod for place, pod in enumerate(pods) if chosen >> place & 1]).members)
