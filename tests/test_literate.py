"""Every executable page does what it says: one test per case and judge, one per page for its commands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests import judges
from tests.literate import DEFAULT_NODE, ROOT, Section, pages, sections
from tests.meaning import Evidence, Exercises
from tests.pages import answer, classes, console, counters, golden, layers, profile, replay, selectors, world
from tests.pages.posed import DIRECTIONS, JUDGED, JUDGEMENTS, Posed, posed
from verifier.model.node import NodeState
from verifier.model.origin import InputError
from verifier.model.snapshot import Snapshot
from verifier.readers.snapshot import read_snapshot


@cache
def cases() -> tuple[Section, ...]:
    return tuple(section for page in pages() for section in sections(page) if section.asserting())


def _judged() -> Iterator[tuple[Section, str]]:
    for section in cases():
        if any(block.kind in JUDGED for block in section.blocks):
            yield from ((section, name) for name in judges.JUDGES)


def _with(kind: str) -> list[Section]:
    return [section for section in cases() if any(block.kind == kind for block in section.blocks)]


def read(folder: Path) -> Snapshot:
    return read_snapshot(str(folder))


@pytest.mark.parametrize(("section", "name"), [pytest.param(s, n, id=f"{s.name} [{n}]") for s, n in _judged()])
def test_packets(section: Section, name: str, tmp_path: Path) -> None:
    judge = judges.load(name)
    faults = [
        f"{each.number}: {fault}"
        for each in posed(section, tmp_path)
        for fault in (_judge_chains if each.hook else _judge_policies)(each, judge)
    ]
    where = section.page.relative_to(ROOT)
    assert not faults, "\n".join(f"{where}:{fault}" for fault in faults)


def _judge_policies(each: Posed, judge: judges.Judge) -> Iterator[str]:
    wanted, direction = each.line.words
    got = judge.policies(each.packet, each.node, each.snapshot.cluster, DIRECTIONS[direction])
    if got is not JUDGEMENTS[wanted]:
        yield f"expected {wanted}, the {judge.name} says {got}"


def _judge_chains(each: Posed, judge: judges.Judge) -> Iterator[str]:
    line = each.line
    got = judge.chains(each.packet, each.path, each.node, each.snapshot.cluster)
    lacking = got.verdict is None and judge.free and all(reason.startswith(judge.free) for reason in got.reasons)
    if got.verdict is not each.expected and not lacking:
        yield f"expected {line.words[0]}, the {judge.name} says {got.verdict} {'; '.join(got.reasons)}"
    if line.final_mark is not None and got.mark is not None and got.mark != line.final_mark:
        yield f"expected the mark {line.final_mark:#x} at the end, the {judge.name} says {got.mark:#x}"
    reason = line.options.get("reason", "")
    if reason and got.verdict is None and not any(reason in text for text in got.reasons):
        yield f"no reason contains {reason!r}: {got.reasons}"


@pytest.mark.parametrize("section", [pytest.param(s, id=s.name) for s in _with("answer verify")])
def test_answers(section: Section, tmp_path: Path) -> None:
    folder = world.write_snapshot(section, tmp_path / "snapshot")
    cluster = read(folder).cluster
    for block in section.blocks:
        if block.kind == "answer verify":
            faults = answer.check_answer(block.text, block.argument, folder, cluster)
            assert not faults, f"{section.page}:{block.line}\n" + "\n".join(faults)


@pytest.mark.parametrize("section", [pytest.param(s, id=s.name) for s in _with("answer explain")])
def test_counters(section: Section, tmp_path: Path) -> None:
    folder = world.write_snapshot(section, tmp_path / "snapshot")
    for block in section.blocks:
        if block.kind == "answer explain":
            faults = counters.check_counters(block.text, block.argument, folder)
            assert not faults, f"{section.page}:{block.line}\n" + "\n".join(faults)


@pytest.mark.parametrize("section", [pytest.param(s, id=s.name) for s in _with("answer layer")])
def test_layers(section: Section, tmp_path: Path) -> None:
    folder = world.write_snapshot(section, tmp_path / "snapshot")
    for block in section.blocks:
        if block.kind == "answer layer":
            faults = layers.check_layers(block.text, block.argument, folder)
            assert not faults, f"{section.page}:{block.line}\n" + "\n".join(faults)


@pytest.mark.parametrize("section", [pytest.param(s, id=s.name) for s in _with("answer replay")])
def test_replays(section: Section, exercises: Exercises, tmp_path: Path) -> None:
    folder = world.write_snapshot(section, tmp_path / "snapshot")
    for block in section.blocks:
        if block.kind == "answer replay":
            missing = replay.missing(block.argument)
            if missing:
                pytest.skip(missing)
            confirmed, faults = replay.check_replay(block.text, block.argument, folder)
            assert not faults, f"{section.page}:{block.line}\n" + "\n".join(faults)
            exercises(Evidence.KERNEL, section.clauses, f"{section.name} ({block.argument})", confirmed)


@pytest.mark.parametrize("section", [pytest.param(s, id=s.name) for s in _with("profile")])
def test_profiles(section: Section, tmp_path: Path) -> None:
    snapshot = read(world.write_snapshot(section, tmp_path / "snapshot"))
    for block in section.blocks:
        if block.kind == "profile":
            name = block.argument or DEFAULT_NODE
            node = next((node for node in snapshot.nodes if node.name == name), NodeState(name))
            faults = profile.check_profile(block.text, node, snapshot.cluster)
            assert not faults, f"{section.page}:{block.line}\n" + "\n".join(faults)


@pytest.mark.parametrize("section", [pytest.param(s, id=s.name) for s in _with("classes")])
def test_classes(section: Section, tmp_path: Path) -> None:
    snapshot = read(world.write_snapshot(section, tmp_path / "snapshot"))
    for block in section.blocks:
        if block.kind == "classes":
            faults = classes.check_classes(block.text, block.argument, snapshot)
            assert not faults, f"{section.page}:{block.line}\n" + "\n".join(faults)


@pytest.mark.parametrize("section", [pytest.param(s, id=s.name) for s in _with("selectors")])
def test_selectors(section: Section, tmp_path: Path) -> None:
    cluster = read(world.write_snapshot(section, tmp_path / "snapshot")).cluster
    for block in section.blocks:
        if block.kind == "selectors":
            faults = selectors.check_selectors(block.text, block.argument, cluster)
            assert not faults, f"{section.page}:{block.line}\n" + "\n".join(faults)


@pytest.mark.parametrize("section", [pytest.param(s, id=s.name) for s in _with("error")])
def test_errors(section: Section, tmp_path: Path) -> None:
    folder = world.write_snapshot(section, tmp_path / "snapshot")
    with pytest.raises(InputError) as caught:
        read(folder)
    for block in section.blocks:
        for text in block.text.splitlines() if block.kind == "error" else ():
            assert text.strip() in str(caught.value)


STORIES = [page for page in pages() if any(b.kind == "console" for s in sections(page) for b in s.blocks)]


@pytest.mark.parametrize(
    "page", [pytest.param(p, id=f"{p.relative_to(ROOT)} console") for p in [*STORIES, ROOT / "README.md"]]
)
def test_console(page: Path, tmp_path: Path) -> None:
    """The commands of a page print what it shows."""
    blocks = [block for section in sections(page) for block in section.blocks if block.kind == "console"]
    story = [command for block in blocks for command in console.commands(block) if console.is_run(command)]
    assert story, f"{page} has no command that can be run"
    console.prepare(tmp_path)
    results = console.play(story, tmp_path)
    if replay.missing(""):
        kept = [place for place, command in enumerate(story) if not command.kernel]
        story, results = [story[place] for place in kept], [results[place] for place in kept]
    if os.environ.get("CHAINPROOF_GOLDEN") == "write":
        golden.rewrite(page, story, results)
        return
    for command, (code, output) in zip(story, results, strict=True):
        where = f"{page.relative_to(ROOT)}:{command.line}: {command.text}"
        assert code == command.code, f"{where}\nexit code {code}, expected {command.code}\n{output}"
        assert console.matches(command.expected, output), f"{where}\nprinted:\n{output}\nexpected:\n" + "\n".join(
            command.expected
        )
