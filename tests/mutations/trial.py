"""One mutant, verified in process and held against the oracle."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.corpus_path import corpus
from tests.mutations import Edit, Files, Kind, files_of, write
from tests.oracle import check
from verifier.compilers import recognise
from verifier.model.finding import Answer
from verifier.model.options import VerifyOptions
from verifier.model.origin import InputError
from verifier.questions.verify import NodeVerdict, verify_node
from verifier.readers.snapshot import read_snapshot

Base = tuple[str, str]
REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of a mutant: the answer or REFUSED, what the oracle holds against it, and the reasons given."""

    base: Base
    edit: str
    outcome: str
    family: int = 0
    faults: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def chosen(
    kind: Kind, bases: Sequence[Base], count: int, seed: str, families: frozenset[int]
) -> list[tuple[Base, Edit]]:
    """Places of a kind in these families, the same in every run, spread over the bases."""
    choose = random.Random(seed)
    waiting = {}
    for base in bases:
        files = files_of(*base)
        sites = [edit for edit in kind(files) if edit.family(files) in families]
        if sites:
            waiting[base] = choose.sample(sites, len(sites))
    found: list[tuple[Base, Edit]] = []
    order = choose.sample(sorted(waiting), len(waiting))
    while order and len(found) < count:
        for base in list(order):
            if waiting[base] and len(found) < count:
                found.append((base, waiting[base].pop()))
            elif not waiting[base]:
                order.remove(base)
    return found


def trial(base: Base, edit: Edit, folder: Path, *, strict: bool = False) -> Trial:
    """Make the mutant, verify it, check the verdict."""
    files: Files = files_of(*base)
    shown, family = edit.shown(files), edit.family(files)
    write(edit.applied(files), folder)
    try:
        snapshot = read_snapshot(str(folder))
    except InputError as error:
        return Trial(base, shown, REFUSED, family, reasons=(str(error),))
    (node,) = snapshot.nodes
    profile = recognise(node)
    verdict = verify_node(snapshot, node, profile, VerifyOptions(strict=strict), premises=False)
    faults = check(snapshot, node, profile, verdict, strict=strict)
    return Trial(base, shown, verdict.answer.value, family, tuple(faults), _reasons(verdict))


@cache
def answer_of(base: Base) -> str:
    """What is said of a recording itself."""
    snapshot = read_snapshot(str(corpus(*base)))
    (node,) = snapshot.nodes
    return verify_node(snapshot, node, recognise(node), VerifyOptions(), premises=False).answer.value


def _reasons(verdict: NodeVerdict) -> tuple[str, ...]:
    found = (reason for question in verdict.questions for reason in question.reasons)
    return tuple(dict.fromkeys(found)) if verdict.answer is Answer.UNDECIDED else ()


def told(trials: Sequence[Trial]) -> Mapping[str, int]:
    """How many mutants had which outcome."""
    counted: dict[str, int] = {}
    for each in trials:
        counted[each.outcome] = counted.get(each.outcome, 0) + 1
    return counted
