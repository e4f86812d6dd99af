"""Synthetic snapshots are deterministic, grow as asked, and are right by construction."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import kernel
from benchmarks.generate import STYLES, generate
from benchmarks.run import Subject, sizes
from tests.pages import answer


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def counts(folder: Path) -> tuple[int, int, int]:
    return sizes(Subject("a snapshot", lambda: folder))


@pytest.mark.parametrize("style", sorted(STYLES))
def test_equal_arguments_give_equal_bytes(style: str, tmp_path: Path) -> None:
    """Figures of two runs can be compared, because they are about the same snapshot."""
    assert files(generate(style, 10, tmp_path / "a")) == files(generate(style, 10, tmp_path / "b"))


@pytest.mark.parametrize("style", sorted(STYLES))
def test_everything_grows_with_the_pods(style: str, tmp_path: Path) -> None:
    """Ten times the pods are about ten times the rules and members, so that cost per pod can be compared."""
    small, large = (counts(generate(style, size, tmp_path / str(size))) for size in (30, 300))
    assert (small[0], large[0]) == (30, 300)
    for one, ten in zip(small[1:], large[1:], strict=True):
        assert 8 < ten / one < 11


@pytest.mark.parametrize("style", sorted(STYLES))
def test_members_can_be_had_in_any_number(style: str, tmp_path: Path) -> None:
    """`members` are added to the sets, give or take one set, and the sets of the policies' own pods."""
    plain, padded = (counts(generate(style, 20, tmp_path / str(m), m))[2] for m in (0, 20_000))
    assert 20_000 <= padded - plain < 26_000


@pytest.mark.parametrize("members", [0, 1000])
@pytest.mark.parametrize("style", sorted(STYLES))
def test_a_synthetic_node_is_proved(style: str, members: int, tmp_path: Path) -> None:
    """The node means what its policies say; the engine agrees."""
    done = answer.run("verify", str(generate(style, 10, tmp_path / "snapshot", members)), "--strict")
    assert done.code == 0, done.output + done.errors


@pytest.mark.parametrize("style", sorted(STYLES))
def test_a_synthetic_node_that_lost_a_rule_is_refuted(style: str, tmp_path: Path) -> None:
    """The proof is no accident: without the rule for port 5432 the databases are blocked."""
    folder = generate(style, 10, tmp_path / "snapshot")
    dump = folder / "nodes" / "node-a" / "iptables-save"
    dump.write_text(re.sub(r".* 5432 .*\n", "", dump.read_text(), count=1))
    done = answer.run("verify", str(folder))
    assert done.code == 1, done.output + done.errors
    assert "blocked" in done.output


@pytest.mark.parametrize("style", sorted(STYLES))
def test_the_kernel_loads_a_synthetic_node(style: str, tmp_path: Path) -> None:
    """The dump is one that ipset and iptables accept."""
    node = generate(style, 10, tmp_path / "snapshot", 1000) / "nodes" / "node-a"
    try:
        assert kernel.load(node, 1).code == 0
    except kernel.NotMeasurableError as why:
        pytest.skip(str(why))
