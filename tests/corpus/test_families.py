"""Recorded nodes of dual-stack clusters: each family has its own answer, also with what is left open settled."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.corpus_path import corpus
from verifier.cli.main import run

DUAL = ("calico", "kube-router")


def families(snapshot: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[int, str]:
    run(["verify", str(snapshot), "--format", "json", *options])
    (node,) = json.loads(capsys.readouterr().out)["nodes"]
    return {each["family"]: each["answer"] for each in node["families"]}


@pytest.mark.parametrize("compiler", DUAL)
@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--assume", "other-protocols=deny"),
        ("--assume", "icmp-errors=allow"),
        ("--assume", "existing-connections=allow"),
        ("--path", "pod-to-node", "--path", "node-to-pod", "--assume", "untracked-state=allow"),
    ],
)
def test_both_families_are_proved(compiler: str, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Isolation covers other protocols; errors, known connections and neighbour discovery of pods with their node pass."""
    assert families(corpus(compiler, "features-dual"), capsys, *options) == {4: "proved", 6: "proved"}


@pytest.mark.parametrize("compiler", DUAL)
def test_a_family_without_its_dump_is_undecided(
    compiler: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other keeps its answer."""
    snapshot = Path(shutil.copytree(corpus(compiler, "features-dual"), tmp_path / "snapshot"))
    for path in snapshot.glob("nodes/*/ip6tables*"):
        path.unlink()
    assert families(snapshot, capsys) == {4: "proved", 6: "undecided"}
