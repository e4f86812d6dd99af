"""What a compiler writes correctly is proved; with a bug it is refuted where the bug can be observed, else proved.

Whether it can be is decided by an exhaustive comparison of one packet of every class, walked and judged by the reference.
Each witness is confirmed by the reference, and by the real kernel where there is one to ask; evidence of the findings holds.
CHAINPROOF_FUZZ=long takes many more worlds, and each bug in all of its styles.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compilers.bugs import BUGS
from tests.compilers.bugs.record import Bug
from tests.compilers.calico import RELEASES, compiled
from tests.compilers.confirming import Seen, confirmed
from tests.compilers.dump import Dump
from tests.compilers.styles import STYLES
from tests.compilers.trial import Trial, tried
from tests.compilers.worlds import World
from tests.house.test_clauses import defined
from tests.meaning import Evidence, Exercises
from verifier import session
from verifier.evidence.audit import second_solver
from verifier.evidence.kernel.client import unavailable
from verifier.evidence.kernel.records import Backend
from verifier.model.evidence import CheckOptions, Standing
from verifier.model.options import VerifyOptions
from verifier.questions.verify import NodeVerdict

LONG = os.environ.get("CHAINPROOF_FUZZ") == "long"
SEED = int(os.environ.get("CHAINPROOF_SEED", "0"))
WORLDS = 60 if LONG else 6
"""How many correct worlds of a style are proved."""
MOST = 600
"""A bug that so many worlds do not show is not one."""
SEEN, UNSEEN = (3, 3) if LONG else (1, 1)
"""How many worlds that show a bug are verified, and how many that do not."""
TRIED = [
    (bug, style)
    for number, bug in enumerate(BUGS)
    for style in (bug.styles if LONG else [bug.styles[number % len(bug.styles)]])
]


@pytest.fixture(scope="module")
def shown() -> dict[str, list[Seen]]:
    """By style, the bugs that a world has shown in this run, with what was found."""
    return {}


def judged(trial: Trial, style: str, world: World, *, premises: bool = True) -> NodeVerdict:
    """The profile is the style's, the answer is the expected one, and nothing is held against the verdict."""
    assert trial.profile.name == style
    verdict = trial.verdict(premises=premises)
    assert trial.faults(verdict) == [], json.dumps(world.policies)
    return verdict


@pytest.mark.parametrize("number", range(WORLDS))
@pytest.mark.parametrize("style", STYLES)
def test_what_is_written_correctly_is_proved(style: str, number: int, tmp_path: Path) -> None:
    """No packet of any class differs, and verify proves it with nothing undecided."""
    world = STYLES[style].world(SEED + number)
    trial = tried(STYLES[style].compiled(world.objects, world.policies), world, tmp_path / "node")
    assert not trial.observed, json.dumps(world.policies)
    judged(trial, style, world)


@pytest.mark.parametrize("number", range(WORLDS // 2))
@pytest.mark.parametrize("style", STYLES)
def test_without_excuses_every_deviation_is_found(style: str, number: int, tmp_path: Path) -> None:
    """What the plug-in documents that it does otherwise is refuted exactly where a packet shows it."""
    world = STYLES[style].world(SEED + WORLDS + number)
    trial = tried(STYLES[style].compiled(world.objects, world.policies), world, tmp_path / "node")
    assert trial.strict_faults() == [], json.dumps(world.policies)


@pytest.mark.parametrize("number", range(max(1, WORLDS // 6)))
@pytest.mark.parametrize("name", RELEASES)
def test_what_other_releases_of_felix_write_is_proved(name: str, number: int, tmp_path: Path) -> None:
    """With other mark bits, interfaces and actions, since each construct of a policy is expressed."""
    world = STYLES["calico"].world(SEED + list(RELEASES).index(name) + len(RELEASES) * number)
    trial = tried(compiled(world.objects, world.policies, RELEASES[name]), world, tmp_path / "node")
    assert not trial.observed, json.dumps(world.policies)
    judged(trial, "calico", world)


def _changed(bug: Bug, style: str) -> Iterator[tuple[World, Dump]]:
    """The worlds for which the bug makes the compiler write something else."""
    for number in range(MOST):
        world = STYLES[style].world(SEED + number)
        dump = bug.dump(style, world)
        if dump != STYLES[style].compiled(world.objects, world.policies):
            yield world, dump


@pytest.mark.parametrize(("bug", "style"), TRIED, ids=[f"{style}: {bug.name}" for bug, style in TRIED])
def test_a_bug_is_refuted_where_it_is_observed(
    bug: Bug, style: str, shown: dict[str, list[Seen]], tmp_path: Path, exercises: Exercises
) -> None:
    """World by world until enough of them have shown the bug; some world does."""
    name = f"{style}: {bug.name}"
    left = {True: SEEN, False: UNSEEN}
    for number, (world, dump) in enumerate(_changed(bug, style)):
        trial = tried(dump, world, tmp_path / str(number))
        if left[trial.observed]:
            left[trial.observed] -= 1
            verdict = judged(trial, style, world, premises=LONG)
            if trial.observed:
                shown.setdefault(style, []).append(Seen(name, bug.clauses, world, dump, verdict.differences))
                exercises(Evidence.BUG, bug.clauses, name)
        if not left[True]:
            return
    assert left[True] < SEEN, "nothing that was tried shows this bug"


@pytest.mark.parametrize("backend", Backend, ids=lambda backend: backend.value)
@pytest.mark.parametrize("style", STYLES)
def test_the_kernel_confirms_the_witnesses(
    style: str, backend: Backend, shown: dict[str, list[Seen]], exercises: Exercises
) -> None:
    """Every packet that was found is accepted or dropped by the real kernel as the finding says."""
    if reason := unavailable(backend):
        pytest.skip(reason)
    if style not in shown:
        pytest.skip("no bug of this style was tried in this run")
    answers = list(confirmed(shown[style], backend))
    assert [story for _, story, agrees in answers if not agrees] == []
    assert answers
    for name, count in Counter(bug.name for bug, _, _ in answers).items():
        clauses = next(bug.clauses for bug in shown[style] if bug.name == name)
        exercises(Evidence.KERNEL, clauses, f"{name}, {backend.value}", count)


@pytest.mark.parametrize("style", STYLES)
def test_the_evidence_of_what_is_found_holds(style: str, shown: dict[str, list[Seen]], tmp_path: Path) -> None:
    """A reading of its own says the same of the node: scripts that a checker of certificates and a second solver confirm."""
    if style not in shown:
        pytest.skip("no bug of this style was tried in this run")
    for number, seen in enumerate(shown[style] if LONG else shown[style][-1:]):
        snapshot = seen.dump.write(tmp_path / f"node-{number}", seen.world.objects, seen.world.policies)
        bundle = str(tmp_path / f"bundle-{number}")
        session.export(str(snapshot), bundle, VerifyOptions())
        report = session.check_evidence(bundle, CheckOptions(solver=bool(second_solver.name())))
        assert report.standing is Standing.CONFIRMED, f"{seen.name}: {report}"


def test_there_are_bugs_enough() -> None:
    """Sixty, fifteen of each style, told apart by their names, each against clauses that exist."""
    styles = Counter(style for _, style in TRIED)
    assert len(BUGS) >= 60
    assert set(styles) == set(STYLES) and min(styles.values()) >= 15, styles
    assert len({(bug.name, bug.styles) for bug in BUGS}) == len(BUGS)
    unknown = {clause for bug in BUGS for clause in bug.clauses} - set(defined())
    assert not unknown
    assert all(bug.clauses for bug in BUGS)


FEATURES = (
    '"port": 80',
    '"port": "http"',
    '"port": "dns"',
    '"endPort"',
    '"protocol": "SCTP"',
    '{"protocol": "UDP"}',
    '"cidr": "0.0.0.0/0"',
    '"except"',
    '"podSelector": {}',
    '"namespaceSelector": {}',
    '"matchLabels"',
    '"In"',
    '"NotIn"',
    '"Exists"',
    '"DoesNotExist"',
    '"values": ["web", "api"]',
    '"tier": ""',
    "kubernetes.io/metadata.name",
    '"policyTypes": ["Ingress"]',
    '"policyTypes": ["Egress"]',
    '"policyTypes": ["Ingress", "Egress"]',
    '[{"ports"',
    '[{"from"',
    "[{}",
    '"cidr": "fd01::/64"',
)
"""What the worlds of the default run have somewhere."""


@pytest.mark.parametrize("style", STYLES)
def test_the_worlds_have_every_feature(style: str) -> None:
    """Every construct of NetworkPolicy is in some world of a style, as far as the plug-in takes it."""
    worlds = [STYLES[style].world(number) for number in range(40)]
    text = " ".join(json.dumps(world.policies) for world in worlds)
    missing = {feature for feature in FEATURES if feature not in text}
    assert missing == (set() if 6 in STYLES[style].families else {'"cidr": "fd01::/64"'})
    specs = [policy["spec"] for world in worlds for policy in world.policies]
    assert any("policyTypes" not in spec for spec in specs)
    assert any(not spec.get("ingress") and not spec.get("egress") for spec in specs)
    assert any(len(world.policies) > 2 for world in worlds)
