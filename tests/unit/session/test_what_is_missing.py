"""What is not in a snapshot makes undecided what depends on it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.corpus_path import ROOT
from verifier.model.finding import Answer
from verifier.model.options import VerifyOptions
from verifier.model.path import Path as Way
from verifier.session import verify

FORWARDED = {Way.REMOTE_TO_POD, Way.POD_TO_REMOTE, Way.POD_TO_POD}


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("networkpolicies.yaml", "no NetworkPolicy was read"),
        ("namespaces.yaml", "the labels of namespace"),
    ],
)
def test_questions_that_need_a_missing_part_of_the_cluster_are_undecided(
    tmp_path: Path, missing: str, reason: str
) -> None:
    """A node that is proved with the whole cluster is neither proved nor refuted without its policies or namespaces."""
    snapshot = tmp_path / "snapshot"
    shutil.copytree(ROOT / "examples" / "first-proof", snapshot)
    assert verify(str(snapshot), VerifyOptions()).answer is Answer.PROVED
    (snapshot / "cluster" / missing).unlink()
    report = verify(str(snapshot), VerifyOptions())
    assert report.answer is Answer.UNDECIDED
    for question in report.nodes[0].questions:
        if question.path in FORWARDED:
            assert question.answer is Answer.UNDECIDED
            assert any(reason in text for text in question.reasons)
        else:
            assert question.answer is Answer.PROVED
