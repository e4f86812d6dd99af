"""The worlds of the clauses about policies, compiled in a plug-in's style: proved, and the kernel does what is proved.

The policies say what must become of every class of packets, verify proves that the compiled rules do that, and a real
kernel that holds these rules treats a packet of each class so.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest
import yaml

from tests.compilers.styles import STYLES
from tests.compilers.worlds import World
from tests.judges.kernel import Kernels, Play, tally
from tests.literate import Section, pages, sections
from tests.meaning import UNARRANGED, Evidence, Exercises
from tests.pages.posed import VERDICTS, lines
from tests.pages.world import write_snapshot
from verifier.compilers import recognise
from verifier.evidence.kernel.client import unavailable
from verifier.evidence.kernel.records import Backend
from verifier.evidence.stage import Stagehand
from verifier.model.finding import Answer
from verifier.model.options import VerifyOptions
from verifier.model.origin import InputError
from verifier.model.snapshot import Snapshot
from verifier.questions.representatives import representatives
from verifier.questions.verify import verify_node
from verifier.readers.snapshot import read_snapshot

NOT_TAKEN = (AttributeError, InputError, KeyError, TypeError, ValueError)
"""How these compilers, which are small, end at a form of the API that they do not know, and what they write of one."""
GROUP = re.compile(r"apiVersion:\s*([a-z0-9.]+)")
PACKETS = 40
"""Representatives that are asked of a clause: every so many-th of them."""


def _about_policies(section: Section) -> bool:
    return any(
        block.kind == "packets" and any(line.words[0] not in VERDICTS for _, line in lines(block))
        for block in section.blocks
    )


def _compilable(section: Section) -> bool:
    """Whether all that the policies of its world are is what these compilers read: Kubernetes' NetworkPolicies."""
    texts = [text for (kind, _), text in section.world().items() if kind == "yaml policies"]
    return all(group == "networking.k8s.io" for text in texts for group in GROUP.findall(text))


def _by_clause() -> dict[str, Section]:
    found: dict[str, Section] = {}
    for page in pages():
        for section in sections(page):
            if _about_policies(section) and _compilable(section):
                for clause in section.clauses:
                    found.setdefault(clause, section)
    return found


BY_CLAUSE = _by_clause()


def _compiled(section: Section, turn: int, folder: Path) -> Snapshot | None:
    """The world of a section in the first style, beginning with the one whose turn it is, that keeps its policies."""
    files = (write_snapshot(section, folder / "page") / "cluster").iterdir()
    documents = [each for file in files for each in yaml.safe_load_all(file.read_text("utf-8")) if each]
    listed = [item for each in documents for item in (each["items"] if each["kind"] == "List" else [each])]
    world = World(
        [each for each in listed if each["kind"] != "NetworkPolicy"],
        [each for each in listed if each["kind"] == "NetworkPolicy"],
    )
    for number in range(len(STYLES)):
        style = list(STYLES.values())[(turn + number) % len(STYLES)]
        try:
            fitted = style.fitted(copy.deepcopy(world))
            dump = style.compiled(fitted.objects, fitted.policies)
            snapshot = read_snapshot(str(dump.write(folder / style.name, fitted.objects, world.policies)))
        except NOT_TAKEN:
            continue
        (node,) = snapshot.nodes
        if verify_node(snapshot, node, recognise(node), VerifyOptions(), premises=False).answer is Answer.PROVED:
            return snapshot
    return None


def _plays(snapshot: Snapshot) -> Iterator[Play]:
    (node,) = snapshot.nodes
    bridge = recognise(node).bridge(node)
    for family in node.rulesets:
        options = VerifyOptions(families=(family,))
        known = list(representatives(snapshot, node, recognise(node), options))
        hand = Stagehand(node, snapshot.cluster, family, bridge)
        chosen = islice(known, 0, None, len(known) // PACKETS + 1)
        entered = [(hand.enter(each.packet, each.path), each.path) for each in chosen]
        play = Play(snapshot, node, family, bridge=bridge)
        play.packets += [(entry.packet, path) for entry, path in entered if not entry.problem]
        if play.packets:
            yield play


class Worlds:
    """The compiled worlds of all clauses, as plays, and the kernels that they are asked of."""

    def __init__(self, folder: Path) -> None:
        self.plays: dict[str, list[Play]] = {}
        for turn, (clause, section) in enumerate(BY_CLAUSE.items()):
            snapshot = _compiled(section, turn, folder / clause)
            self.plays[clause] = list(_plays(snapshot)) if snapshot else []
        self.kernels = Kernels(play for plays in self.plays.values() for play in plays)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    made = Worlds(tmp_path_factory.mktemp("compiled"))
    yield made
    made.kernels.close()


@pytest.mark.parametrize("clause", BY_CLAUSE)
def test_the_kernel_does_what_is_proved(
    clause: str, worlds: Worlds, exercises: Exercises, record_property: Callable[[str, object], None]
) -> None:
    """Each representative goes the reference's way, rule by rule; the back ends take turns."""
    backend = list(Backend)[list(BY_CLAUSE).index(clause) // len(STYLES) % len(Backend)]
    if missing := unavailable(backend):
        pytest.skip(missing)
    found = tally(worlds.kernels, worlds.plays[clause], backend)
    assert not found.faults, "\n".join(found.faults)
    exercises(Evidence.KERNEL, (clause,), f"compiled ({backend.value})", found.confirmed)
    record_property(UNARRANGED, tuple(found.unarranged.items()))


def test_most_clauses_are_compiled(worlds: Worlds) -> None:
    """Few policies of the clauses are beyond these compilers."""
    beyond = [clause for clause, plays in worlds.plays.items() if not plays]
    assert len(beyond) * 5 < len(BY_CLAUSE), beyond
