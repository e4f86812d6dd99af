"""The packets of executable pages in a real kernel, with both back ends: as the page says, by the way that we walk.

Packets near those of the page are asked too, and held against the reference alone. What cannot be arranged is counted
with its reason (make coverage-of-meaning).
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.judges.kernel import Kernels, Play, Told, in_general
from tests.literate import ROOT, Section, pages, sections
from tests.meaning import UNARRANGED, Evidence, Exercises
from tests.pages.posed import JUDGED, VERDICTS, Posed, lines, posed
from tests.properties.neighbours import neighbour
from verifier.evidence.kernel.client import unavailable
from verifier.evidence.kernel.records import Backend
from verifier.model.effect import Verdict
from verifier.model.replay import Outcome

NEAR = 100 if os.environ.get("CHAINPROOF_FUZZ") == "long" else 3
"""Packets near each of a page."""
SEED = os.environ.get("CHAINPROOF_SEED", "0")


def _about_chains(section: Section) -> bool:
    return any(
        block.kind != "packets" or any(line.words[0] in VERDICTS for _, line in lines(block))
        for block in section.blocks
        if block.kind in JUDGED
    )


SECTIONS = [section for page in pages() for section in sections(page) if _about_chains(section)]


class Theatre:
    """The packets of all pages, as plays, and the kernels that they are asked of."""

    def __init__(self, folder: Path) -> None:
        self.plays: dict[str, list[tuple[Play, list[Posed]]]] = {}
        for number, section in enumerate(SECTIONS):
            self.plays[section.name] = list(_plays(section, folder / str(number)))
        self.kernels = Kernels(play for plays in self.plays.values() for play, _ in plays)


def _plays(section: Section, folder: Path) -> Iterator[tuple[Play, list[Posed]]]:
    found: dict[tuple[Path, str, int], tuple[Play, list[Posed]]] = {}
    choose = random.Random(f"{section.name} {SEED}")
    for each in posed(section, folder):
        packet = each.packet if each.hook else None
        if packet is None or packet.family not in each.node.rulesets:
            continue
        key = each.folder, each.node.name, packet.family
        play, asking = found.setdefault(key, (Play(each.snapshot, each.node, packet.family), []))
        play.packets.append((packet, each.path))
        asking.append(each)
        play.near += [(neighbour(each, choose), each.path) for _ in range(NEAR)]
    yield from found.values()


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    made = Theatre(tmp_path_factory.mktemp("pages"))
    yield made
    made.kernels.close()


@pytest.mark.parametrize("backend", Backend, ids=lambda backend: backend.value)
@pytest.mark.parametrize("section", [pytest.param(section, id=section.name) for section in SECTIONS])
def test_pages(
    section: Section,
    backend: Backend,
    theatre: Theatre,
    exercises: Exercises,
    record_property: Callable[[str, object], None],
) -> None:
    """The kernel's verdict is the page's, and its way is ours."""
    if missing := unavailable(backend):
        pytest.skip(missing)
    confirmed, unarranged, faults = 0, Counter[str](), []
    for play, asking in theatre.plays[section.name]:
        told = theatre.kernels.ask(play, backend)
        for (packet, _), answer, each in zip(play.all, told, [*asking, *[None] * len(play.near)], strict=True):
            confirmed += answer.outcome is Outcome.CONFIRMED
            if answer.outcome is Outcome.NOT_REPLAYED:
                unarranged[in_general(answer.reason)] += 1
            if fault := _fault(answer, each):
                faults.append(f"{each.number if each else 'nearby'}: {packet}: {fault}")
    assert not faults, f"{section.page.relative_to(ROOT)}, {backend.value}:\n" + "\n".join(faults)
    exercises(Evidence.KERNEL, section.clauses, f"{section.name} ({backend.value})", confirmed)
    record_property(UNARRANGED, tuple(unarranged.items()))


def _fault(answer: Told, each: Posed | None) -> str:
    """How the kernel's answer differs from ours, and from the page."""
    if answer.outcome is Outcome.NOT_CONFIRMED:
        return answer.reason
    if each is None or answer.verdict is None:
        return ""
    if each.expected and answer.verdict is not each.expected:
        return f"the page says {each.line.words[0]}, the kernel {answer.verdict.value}"
    final = each.line.final_mark
    if answer.verdict is Verdict.ACCEPT and None not in (final, answer.mark) and answer.mark != final:
        return f"the page says mark {final:#x} at the end, the kernel {answer.mark:#x}"
    return ""
