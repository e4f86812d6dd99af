"""The witnesses of what verify finds in the worlds of the clauses, in a real kernel: dropped or accepted as it says."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.judges.kernel import Kernels, Play, tally
from tests.literate import Section, pages, sections
from tests.meaning import UNARRANGED, Evidence, Exercises
from tests.pages.world import write_snapshot
from verifier.compilers import recognise
from verifier.evidence.kernel.client import unavailable
from verifier.evidence.kernel.records import Backend
from verifier.evidence.stage import Stagehand
from verifier.model.options import VerifyOptions
from verifier.questions.verify import verify_node
from verifier.readers.snapshot import read_snapshot

SECTIONS = 20 if os.environ.get("CHAINPROOF_FUZZ") == "long" else 2
"""Sections of a clause whose findings are asked."""


def _by_clause() -> dict[str, list[Section]]:
    found: dict[str, list[Section]] = {}
    for page in pages():
        for section in sections(page):
            if any(block.kind == "answer verify" for block in section.blocks):
                for clause in section.clauses:
                    found.setdefault(clause, []).append(section)
    return {clause: known[:SECTIONS] for clause, known in found.items()}


BY_CLAUSE = _by_clause()


class Findings:
    """The packets of all findings, as plays, and the kernels that they are asked of."""

    def __init__(self, folder: Path) -> None:
        self.plays = {clause: list(_plays(known, folder / clause)) for clause, known in BY_CLAUSE.items()}
        self.kernels = Kernels(play for plays in self.plays.values() for play in plays)


def _plays(known: list[Section], folder: Path) -> Iterator[Play]:
    for number, section in enumerate(known):
        snapshot = read_snapshot(str(write_snapshot(section, folder / str(number))))
        for node in snapshot.nodes:
            profile = recognise(node)
            bridge = profile.bridge(node)
            verdict = verify_node(snapshot, node, profile, VerifyOptions(), premises=False)
            for family in node.rulesets:
                hand = Stagehand(node, snapshot.cluster, family, bridge)
                asked = [each for each in verdict.differences if each.family == family]
                entered = [(hand.enter(each.packet, each.path), each.path) for each in asked]
                play = Play(snapshot, node, family, bridge=bridge)
                play.packets += [(entry.packet, path) for entry, path in entered if not entry.problem]
                if play.packets:
                    yield play


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Findings]:
    made = Findings(tmp_path_factory.mktemp("answers"))
    yield made
    made.kernels.close()


@pytest.mark.parametrize("clause", BY_CLAUSE)
def test_witnesses(
    clause: str, findings: Findings, exercises: Exercises, record_property: Callable[[str, object], None]
) -> None:
    """Each is treated by the kernel as by the reference, rule by rule; the back ends take turns."""
    backend = list(Backend)[list(BY_CLAUSE).index(clause) % len(Backend)]
    if missing := unavailable(backend):
        pytest.skip(missing)
    found = tally(findings.kernels, findings.plays[clause], backend)
    assert not found.faults, "\n".join(found.faults)
    exercises(Evidence.KERNEL, (clause,), f"witnesses ({backend.value})", found.confirmed)
    record_property(UNARRANGED, tuple(found.unarranged.items()))
