"""Laws of comparing two sets of policies for every cluster: any packet that can be imagined is as the answer says."""

from __future__ import annotations

import os
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.properties import calico_documents
from tests.properties.imaginable import Imaginable, changed, packet, policy, side
from verifier.evidence.imagined import layer_findings
from verifier.model.assumption import defaults
from verifier.model.finding import Answer, Kind
from verifier.model.layer import Change, LayerDifference, LayerOptions, Side
from verifier.model.policy import Direction
from verifier.questions.layer import compare

LONG = 25 if os.environ.get("CHAINPROOF_FUZZ") == "long" else 1
PACKETS = 30
WAYS = [(kind, direction) for kind in Kind for direction in Direction]


def bounded(examples: int) -> settings:
    return settings(max_examples=examples * LONG, deadline=None)


def told(drawn: Imaginable, differences: tuple[LayerDifference, ...], kind: Kind, direction: Direction) -> bool:
    """Whether a region of this kind and direction has the packet."""
    regions = [each.region for each in differences if (each.kind, each.direction) == (kind, direction)]
    return any(drawn.is_in(box) for region in regions for box in region)


def alone(sides: tuple[Side, Side]) -> tuple[Side, Side]:
    """The same sets where no policy has a partner, so that all differences are told of the whole."""
    first, second = sides
    tiers = tuple(
        replace(tier, policies=tuple(replace(each, name=f"{each.name}-converted") for each in tier.policies))
        for tier in second.tiers
    )
    return first, Side(second.name, tiers, second.network_sets)


@pytest.mark.exercises("LAY-1", "LAY-2", "LAY-3", "LAY-5", "LAY-6", "LAY-8", "LAY-9", "LAY-10")
@bounded(25)
@given(st.integers(0, 1 << 30))
def test_a_packet_differs_where_the_regions_say_so(seed: int) -> None:
    """Of two sets of policies without partners, every packet is in a region exactly where the reference differs."""
    random = Random(seed)
    written = [policy(random, name) for name in ("a", "b")]
    sides = alone((side("first", written), side("second", [changed(random, written[0]), written[1]])))
    verdict = compare(*sides, LayerOptions())
    layer_findings(verdict.differences, sides, defaults())
    assert (verdict.answer is Answer.REFUTED) is bool(verdict.differences)
    for drawn in (packet(random) for _ in range(PACKETS)):
        for kind, direction in WAYS:
            assert told(drawn, verdict.differences, kind, direction) is drawn.differs(sides, kind, direction), drawn


@pytest.mark.exercises("LAY-1", "LAY-2", "LAY-3", "LAY-4", "LAY-5", "LAY-6", "LAY-7", "LAY-10")
@bounded(25)
@given(st.integers(0, 1 << 30))
def test_a_pair_that_is_proved_decides_alike_with_any_others(seed: int) -> None:
    """Pair by pair: what differs of one policy is told, and policies that are all proved agree together."""
    random = Random(seed)
    written = [policy(random, name) for name in ("a", "b")]
    sides = side("first", written), side("second", [changed(random, written[0]), written[1]])
    verdict = compare(*sides, LayerOptions())
    for pair in verdict.pairs:
        layer_findings(pair.differences, sides, defaults())
        assert (pair.answer is Answer.REFUTED) is bool(pair.differences)
    assert verdict.differences == ()
    differing = [
        drawn for _ in range(PACKETS) for drawn in [packet(random)] for way in WAYS if drawn.differs(sides, *way)
    ]
    if differing:
        assert verdict.together is Answer.REFUTED
    regions = tuple(each for pair in verdict.pairs for each in pair.differences)
    for drawn in differing:
        assert any(told(drawn, regions, kind, direction) for kind, direction in WAYS), drawn


@pytest.mark.exercises("LAY-12")
@bounded(15)
@given(st.integers(0, 1 << 30))
def test_the_edits_make_a_pair_agree(seed: int) -> None:
    """With what is to be kept and added, and the pods that the policy selects, the translation is proved."""
    random = Random(seed)
    written = policy(random, "a")
    first, second = side("first", [written]), side("second", [changed(random, changed(random, written))])
    (pair,) = compare(first, second, LayerOptions()).pairs or (None,)
    if pair is None or pair.answer is Answer.PROVED:
        return
    kept = tuple(each.rule for each in pair.edits if each.rule and each.change in (Change.KEEP, Change.ADD))
    edited = replace(pair.translation, subjects=pair.policy.subjects, rules=kept)
    tiers = tuple(replace(tier, policies=(edited,)) for tier in second.tiers)
    assert compare(first, Side("edited", tiers), LayerOptions()).answer is Answer.PROVED


@pytest.mark.exercises("LAY-1", "LAY-4")
@bounded(10)
@given(st.integers(0, 1 << 30))
def test_every_set_is_its_own_translation(seed: int) -> None:
    """Equal sets are proved, in whatever order their policies, rules and peers are written."""
    random = Random(seed)
    written = [policy(random, name) for name in "abcd"]
    shuffled = random.sample(written, len(written))
    verdict = compare(side("first", written), side("second", shuffled), LayerOptions())
    assert verdict.answer is Answer.PROVED


@pytest.mark.exercises("LAY-1", "LAY-2", "LAY-3", "LAY-5", "LAY-6", "LAY-8", "LAY-10", "LAY-15")
@bounded(30)
@given(st.integers(0, 1 << 30))
def test_policies_of_any_action_differ_where_the_regions_say_so(seed: int) -> None:
    """Of sets of Calico's policies, in tiers and beside network sets, packets are in regions where the reference differs."""
    random = Random(seed)
    beside = calico_documents.surroundings(random)
    written = [calico_documents.policy(random, name) for name in ("a", "b", "c")]
    others = [calico_documents.changed(random, written[0]), *written[1:]]
    sides = alone((side("first", [*beside, *written]), side("second", [*beside, *others])))
    verdict = compare(*sides, LayerOptions())
    layer_findings(verdict.differences, sides, defaults())
    assert (verdict.answer is Answer.REFUTED) is bool(verdict.differences)
    for drawn in (packet(random) for _ in range(PACKETS)):
        for kind, direction in WAYS:
            assert told(drawn, verdict.differences, kind, direction) is drawn.differs(sides, kind, direction), drawn


@pytest.mark.exercises("LAY-7")
@bounded(20)
@given(st.integers(0, 1 << 30))
def test_pairs_of_any_action_that_are_proved_agree_together(seed: int) -> None:
    """Policies that are proved one by one allow the same together, whatever their actions and their order."""
    random = Random(seed)
    beside = calico_documents.surroundings(random)
    written = [calico_documents.policy(random, name) for name in ("a", "b", "c")]
    others = [calico_documents.changed(random, written[0]), *written[1:]]
    sides = side("first", [*beside, *written]), side("second", [*beside, *others])
    verdict = compare(*sides, LayerOptions())
    for pair in verdict.pairs:
        layer_findings(pair.differences, sides, defaults())
    if all(pair.answer is Answer.PROVED for pair in verdict.pairs) and len(verdict.pairs) == len(written):
        assert verdict.together is Answer.PROVED
    for drawn in (packet(random) for _ in range(PACKETS)):
        if any(drawn.differs(sides, *way) for way in WAYS):
            assert verdict.together is Answer.REFUTED
