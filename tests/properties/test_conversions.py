"""Conversions of random NetworkPolicies, written by a converter that is no part of chainproof: proved, and refuted where it has a bug."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tests.felix.conversion import ERAS, Era, converted, convertible
from tests.felix.conversion_bugs import AFTER, BEFORE, RICH, Change, with_bug
from tests.meaning import Evidence, Exercises
from tests.properties.imaginable import packet, policy, side
from verifier.evidence.imagined import layer_findings
from verifier.model.assumption import defaults
from verifier.model.finding import Answer, Kind
from verifier.model.layer import LayerOptions, LayerVerdict, Side
from verifier.model.policy import Direction
from verifier.questions.layer import compare

POLICIES = {"3.32": 200, "3.31": 20, "3.5": 50, "2.6": 80}
"""How many are converted as each release does; those of the first two differ in their names alone."""
TOGETHER = 20
PACKETS = 10
CURRENT = ERAS[0]
WAYS = [(kind, direction) for kind in Kind for direction in Direction]
CLAUSES = ("LAY-1", "LAY-7")


def compared(policies: list[Any], translations: list[Any]) -> tuple[LayerVerdict, tuple[Side, Side]]:
    sides = side("policies", policies), side("translations", translations)
    verdict = compare(*sides, LayerOptions())
    for pair in verdict.pairs:
        layer_findings(pair.differences, sides, defaults())
    layer_findings(verdict.differences, sides, defaults())
    return verdict, sides


@pytest.mark.exercises("LAY-1", "LAY-3", "LAY-6", "LAY-7", "LAY-14")
@pytest.mark.parametrize("era", ERAS, ids=lambda era: era.name)
def test_conversions_are_proved(era: Era) -> None:
    """Random policies and what each release makes of them agree, each with its own and all together."""
    random = Random(era.name)
    written = [policy(random, f"p{number}") for number in range(POLICIES[era.name])]
    written = [RICH, *written] if convertible(RICH, era) else written
    known = [each for each in written if convertible(each, era)]
    assert len(known) >= POLICIES[era.name] // 4
    for start in range(0, len(known), TOGETHER):
        some = known[start : start + TOGETHER]
        verdict, sides = compared(some, [converted(each, era) for each in some])
        assert verdict.answer is Answer.PROVED, [pair for pair in verdict.pairs if pair.answer is not Answer.PROVED]
        assert (len(verdict.pairs), verdict.missing, verdict.surplus) == (len(some), (), ())
        for drawn in (packet(random) for _ in range(PACKETS)):
            assert not any(drawn.differs(sides, kind, direction) for kind, direction in WAYS)


@pytest.mark.parametrize("bug", [*BEFORE, *AFTER], ids=lambda bug: bug.__name__)
def test_bugs_of_conversions_are_refuted(bug: Change, exercises: Exercises) -> None:
    """Each bug shows in a policy of everything, and every finding is one to the reference too."""
    verdict, _ = compared([RICH], [with_bug(RICH, bug, CURRENT)])
    assert verdict.answer is Answer.REFUTED
    (pair,) = verdict.pairs
    assert pair.differences
    exercises(Evidence.BUG, CLAUSES, bug.__name__)


@pytest.mark.parametrize("bug", BEFORE, ids=lambda bug: bug.__name__)
def test_bugs_are_refuted_exactly_where_they_show(bug: Change) -> None:
    """Of random policies, those that a bug does not change are proved, and no packet differs of one that is proved."""
    random = Random(bug.__name__)
    for number in range(4):
        given = policy(random, f"p{number}")
        given["spec"].setdefault("ingress", [])
        right = converted(given, CURRENT)
        try:
            made = with_bug(given, bug, CURRENT)
        except (IndexError, KeyError):  # there is nothing in this policy that the bug could spoil
            continue
        verdict, sides = compared([given], [made])
        if made == right:
            assert verdict.answer is Answer.PROVED
        if verdict.answer is Answer.PROVED:
            for drawn in (packet(random) for _ in range(PACKETS)):
                assert not any(drawn.differs(sides, kind, direction) for kind, direction in WAYS)
