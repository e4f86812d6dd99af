"""Whatever is assumed, the engine and the reference ask the same of every packet, and a report lists what matters."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.oracle import covered
from tests.oracle.world import judge_family
from tests.properties.test_encoder_is_reference import GENERIC, LONG, read
from tests.properties.worlds import World, worlds
from verifier.model.assumption import ASSUMPTIONS, Setting, defaults
from verifier.model.effect import Verdict
from verifier.model.finding import Kind
from verifier.model.options import VerifyOptions
from verifier.questions.verify import verify_node
from verifier.reference.chains import walk
from verifier.reference.specification import expectation

WRONG = {Kind.LEAK: (Verdict.DROP, Verdict.ACCEPT), Kind.BLOCKED: (Verdict.ACCEPT, Verdict.DROP)}
PACKETS = 150
OF_PACKETS = [
    "existing-connections", "icmp-errors", "other-protocols", "rules-without-ports", "host-network-pods",
    "finished-pods", "block-host-bits",
]  # fmt: skip
SETTINGS = st.fixed_dictionaries({name: st.sampled_from(list(Setting)) for name in OF_PACKETS})


@settings(
    max_examples=40 * LONG,
    deadline=None,
    derandomize=LONG == 1,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(worlds(), SETTINGS, st.integers(0, 1000))
def test_engine_and_reference_ask_alike(world: World, chosen: dict[str, Setting], seed: int) -> None:
    """A packet is in a finding exactly when the reference finds that it is treated otherwise than asked."""
    assumed = {**defaults(), **chosen}
    with read(world) as (snapshot, node):
        verdict = verify_node(snapshot, node, GENERIC, VerifyOptions(settings=assumed))
        judged = judge_family(
            snapshot, node, GENERIC, world.family, settings={"other-protocols": Setting.ALLOW}, seed=seed
        )
        assert judged is not None
        batch = judged.batch
        found = {kind: covered(batch, list(verdict.differences), kind) for kind in Kind}
        for number in random.Random(seed).sample(range(batch.count), min(PACKETS, batch.count)):
            packet, path = batch.packet(number), batch.ends[number // len(batch.services)].path
            expected = expectation(packet, path, judged.view, assumed)
            trace = walk(packet, path, node, judged.view)
            for kind, (must, does) in WRONG.items():
                differs = expected.must is must and trace.verdict is does
                assert differs is bool(found[kind] >> number & 1), (kind, packet, path, expected.because, world.dump())


@settings(max_examples=6 * LONG, deadline=None, derandomize=LONG == 1, suppress_health_check=list(HealthCheck))
@given(worlds(marks=False))
def test_exactly_what_matters_is_listed(world: World) -> None:
    """An assumption is listed exactly when another setting of it changes the answer to some question."""
    with read(world) as (snapshot, node):
        options = VerifyOptions()
        first = verify_node(snapshot, node, GENERIC, options)
        known = [(question.pod, question.path, question.answer) for question in first.questions]
        for assumption in ASSUMPTIONS:
            told = False
            for setting in (Setting.ALLOW, Setting.DENY):
                other = replace(options, settings={**defaults(), assumption.name: setting})
                answers = verify_node(snapshot, node, GENERIC, other).questions
                told = told or [(each.pod, each.path, each.answer) for each in answers] != known
            assert told is (assumption.name in first.assumptions), (assumption.name, world.dump())
