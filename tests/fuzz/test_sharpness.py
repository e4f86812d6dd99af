"""The search notices single errors: each one put into the reference is found by the encoder or by the kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.fuzz import casefile, clusters, policies
from tests.fuzz.differ import Figures, encoded, encoder_and_reference, walked
from tests.fuzz.encoder import Possible
from tests.fuzz.kernels import STAGE, kernel_and_reference, seen
from tests.fuzz.mutants import BREAKS, MUTANTS, OF_POLICIES
from tests.fuzz.packets import shots
from tests.fuzz.rulesets import draw
from tests.fuzz.run import Run
from tests.fuzz.world import World
from tests.meaning import Evidence, Exercises
from verifier.evidence.kernel.client import Kernel, unavailable
from verifier.evidence.kernel.records import Backend, Seen, Shot

WORLDS, PACKETS = 120, 120
BY_WAY_OR_MARK = ("errors meet nat", "known connections meet nat")
"""Errors that change verdicts too seldom: it takes the kernel's trace to find them here."""

RARE = {"interfaces everywhere": 232, "every network is searched": 1453}
"""Errors that few rulesets show: the number of one that does, from which the search begins."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A world, its packets, and what the encoder and the kernel say of them."""

    world: World
    shots: Sequence[Shot]
    encoder: Sequence[Possible]
    kernel: Sequence[Seen]


@dataclass(slots=True)
class Judges:
    """What was asked so far; the kernel is not asked where there is none."""

    kernel: Kernel | None
    known: dict[int, Asked] = field(default_factory=dict)

    def worlds(self, first: int) -> Iterator[Asked]:
        for number in range(first, first + WORLDS):
            if number not in self.known:
                self.known[number] = self._ask(number)
            yield self.known[number]

    def _ask(self, number: int) -> Asked:
        drawn = draw(f"sharp/{number}")
        packets = shots(drawn, PACKETS)
        answers = seen(self.kernel, drawn.world, packets) if self.kernel else []
        return Asked(drawn.world, packets, encoded(drawn.world, packets), answers)


@pytest.fixture(scope="module")
def judges() -> Iterator[Judges]:
    if unavailable(Backend.NFT):
        yield Judges(None)
        return
    with Kernel(STAGE, Backend.NFT) as kernel:
        yield Judges(kernel)


def test_each_error_misreads_a_clause() -> None:
    """No error is without its clause."""
    assert list(BREAKS) == list(MUTANTS)


@pytest.mark.parametrize("name", MUTANTS)
def test_found(name: str, judges: Judges, monkeypatch: pytest.MonkeyPatch, exercises: Exercises) -> None:
    exercises(Evidence.BUG, (BREAKS[name],), f"misreading: {name}")
    exercises(Evidence.LAW, (BREAKS[name],), "random rulesets and packets mean the same to all")
    if judges.kernel is None and name in BY_WAY_OR_MARK:
        pytest.skip(unavailable(Backend.NFT))
    for number, asked in enumerate(judges.worlds(RARE.get(name, 0)), RARE.get(name, 0)):
        with monkeypatch.context() as patch:
            MUTANTS[name](patch)
            traces = walked(asked.world, asked.shots)
            found = encoder_and_reference(asked.shots, traces, asked.encoder, Figures())
            if asked.kernel:
                found += kernel_and_reference(Backend.NFT, asked.world, asked.shots, traces, asked.kernel, Figures())
        if found:
            print(f"{name}: ruleset {number}, {', '.join(sorted({each.judge for each in found}))}")
            return
    pytest.fail(f"{WORLDS * PACKETS} packets do not show it")


@pytest.mark.parametrize("name", OF_POLICIES)
def test_found_in_policies(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(40):
        objects = clusters.draw(f"sharp/{number}")
        with monkeypatch.context() as patch:
            OF_POLICIES[name](patch)
            _, odd = policies.compare(objects, str(number))
        if odd:
            print(f"{name}: cluster {number}")
            return
    pytest.fail("no cluster shows it")


def test_a_disagreement_is_made_small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is left of a whole world is a page with the rules that show it."""
    monkeypatch.setattr(casefile, "FOLDER", tmp_path)
    MUTANTS["goto returns"](monkeypatch)
    run = Run("small", {})
    while not run.found:
        run.world(run.worlds.total(), PACKETS)
    text = Path(run.pages[0]).read_text()
    assert " -g " in text
    assert text.count("\n-A ") <= 4, text
