"""Stages change how an answer is found, not the answer: mutants of recorded nodes, asked with stages and without."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import pytest

from tests.corpus_path import corpus
from tests.mutations import cluster, files_of, rules, sets, write
from tests.mutations.trial import chosen
from verifier.compilers import recognise
from verifier.model.addresses import merge
from verifier.model.options import VerifyOptions
from verifier.model.path import Path as Way
from verifier.model.predicate import Range
from verifier.questions import forward
from verifier.questions.verify import NodeVerdict, verify_node
from verifier.readers.snapshot import read_snapshot

BASES = [("azure", "shop"), ("azure", "features")]
CHANGES = (
    "accept becomes return", "clear a mark instead of setting it", "delete a rule", "drop a mark test", "drop a set test",
    "empty a chain", "jump to another chain", "negate a set test", "swap source and destination of a set test",
    "set emptied", "set member dropped", "sets exchanged", "policy deleted", "policy selects every pod",
)  # fmt: skip
KINDS = {**rules.KINDS, **sets.KINDS, **cluster.KINDS}
Differing: TypeAlias = dict[tuple[object, ...], tuple[Range, ...]]


def _differing(verdict: NodeVerdict) -> Differing:
    """The other ends of every differing packet, by everything else about it; how regions are grouped does not count."""
    found: dict[tuple[object, ...], list[Range]] = {}
    for each in verdict.differences:
        for box in each.region:
            local, other = box.source, box.destination
            if each.path is Way.REMOTE_TO_POD:
                local, other = other, local
            for first, last in local:
                for address in range(first, last + 1):
                    for ports in box.destination_ports:
                        key = (each.kind, each.path, address, ports, box.protocols, box.source_ports, box.states)
                        found.setdefault(key, []).extend(other)
    return {key: merge(ranges) for key, ranges in found.items()}


@pytest.mark.parametrize("kind", CHANGES)
def test_answers_are_the_same_without_stages(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every path, asked whole, differs on the same packets and leaves the same questions open."""
    for number, (base, edit) in enumerate(chosen(KINDS[kind], BASES, 2, kind, frozenset({0, 4}))):
        snapshot = read_snapshot(str(write(edit.applied(files_of(*base)), tmp_path / str(number))))
        (node,) = snapshot.nodes
        staged = verify_node(snapshot, node, recognise(node), VerifyOptions())
        with monkeypatch.context() as patch:
            patch.setattr(forward, "find_stages", lambda *_: {})
            whole = verify_node(snapshot, node, recognise(node), VerifyOptions())
        assert {(q.pod, q.path): q.answer for q in staged.questions} == {
            (q.pod, q.path): q.answer for q in whole.questions
        }
        assert _differing(staged) == _differing(whole)


def test_the_recordings_have_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else nothing would be compared: without them every pod's paths are asked whole."""
    snapshot = read_snapshot(str(corpus("azure", "shop")))
    (node,) = snapshot.nodes
    staged = dict(verify_node(snapshot, node, recognise(node), VerifyOptions()).statistics)
    monkeypatch.setattr(forward, "find_stages", lambda *_: {})
    whole = dict(verify_node(snapshot, node, recognise(node), VerifyOptions()).statistics)
    assert staged["lemmas"] > 2 * len(
        [pod for pod in snapshot.cluster.pods if pod.node == node.name and pod.has_traffic]
    )
    assert staged["shapes"] < whole["shapes"]
