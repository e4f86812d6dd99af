"""The kernel agrees only where verdict, every rule with its mark, and final mark are the same."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from verifier.evidence.agreement import agreement, kernel_steps
from verifier.evidence.kernel.records import Seen, SeenStep
from verifier.model.effect import Verdict
from verifier.model.replay import Outcome
from verifier.model.trace import ChainTrace, Step
from verifier.reference.chains import Way

STEPS = (
    Step("filter", "FORWARD", 1, None, 0, 0),
    Step("filter", "web", 2, None, 0, 0x10),
    Step("filter", "FORWARD", 0, None, 0x10, 0x10),
)
TRACE = ChainTrace(Verdict.ACCEPT, STEPS, 0x10)
KERNEL = (
    SeenStep("filter", "FORWARD", 1, 0),
    SeenStep("filter", "web", 2, 0x10),
    SeenStep("filter", "FORWARD", None, 0x10),
)
BUILT_IN = frozenset({("filter", "FORWARD")})


def seen(
    verdict: Verdict | None = Verdict.ACCEPT,
    mark: int | None = 0x10,
    steps: Sequence[SeenStep] = KERNEL,
    reason: str = "",
) -> Seen:
    return Seen(verdict, reason, mark, tuple(steps))


def outcome(answer: Seen, trace: ChainTrace = TRACE, *others: Way) -> tuple[Outcome, str]:
    found = agreement(trace, lambda: (Way(trace), *others), answer, kernel_steps(answer, BUILT_IN))
    return found.outcome, found.reason


def test_the_same_story_is_confirmed() -> None:
    assert outcome(seen()) == (Outcome.CONFIRMED, "")


def test_a_mark_that_the_kernel_does_not_tell_is_not_compared() -> None:
    steps = [SeenStep(step.table, step.chain, step.number, None) for step in KERNEL]
    assert outcome(seen(mark=None, steps=steps))[0] is Outcome.CONFIRMED


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (seen(Verdict.DROP, None), "the kernel drops it, and it should be accepted"),
        (seen(mark=0), "the kernel ends with mark 0x0, expected 0x10"),
        (seen(steps=KERNEL[:2]), "at step 3 the kernel reports nothing more, expected filter FORWARD policy"),
        (seen(steps=(*KERNEL, KERNEL[0])), "at step 4 the kernel reports filter FORWARD rule 1 with mark 0x0, expected nothing"),
        (
            seen(steps=(KERNEL[0], SeenStep("filter", "web", 3, 0x10), KERNEL[2])),
            "at step 2 the kernel reports filter web rule 3 with mark 0x10, expected filter web rule 2 with mark 0x10",
        ),
        (seen(steps=(KERNEL[0], SeenStep("filter", "web", 2, 0), KERNEL[2])), "at step 2 the kernel reports filter web rule 2"),
    ],
    ids=["verdict", "final mark", "a step less", "a step more", "another rule", "another mark on the way"],
)  # fmt: skip
def test_any_difference_is_not_confirmed(answer: Seen, told: str) -> None:
    found, reason = outcome(answer)
    assert found is Outcome.NOT_CONFIRMED
    assert told in reason


def test_a_packet_that_could_not_be_sent_is_not_replayed_and_keeps_its_reason() -> None:
    assert outcome(seen(None, reason="routing refuses it")) == (Outcome.NOT_REPLAYED, "routing refuses it")


def test_where_we_do_not_know_the_kernel_confirms_nothing() -> None:
    trace = ChainTrace(None, STEPS, 0x10, ("-m recent (file:3)",))
    found, reason = outcome(seen(), trace)
    assert found is Outcome.NOT_REPLAYED
    assert "-m recent (file:3)" in reason
    assert "accepts" in reason


def test_another_open_way_with_the_same_end_is_confirmed() -> None:
    other = (STEPS[0], STEPS[2])
    steps = (KERNEL[0], SeenStep("filter", "FORWARD", None, 0x10))
    assert outcome(seen(steps=steps))[0] is Outcome.NOT_CONFIRMED
    assert outcome(seen(steps=steps), TRACE, Way(ChainTrace(Verdict.ACCEPT, other, 0x10)))[0] is Outcome.CONFIRMED


def test_a_rule_that_changes_nothing_may_match_in_its_place_only() -> None:
    logged = Step("filter", "web", 1, None, 0, 0)
    there = (KERNEL[0], SeenStep("filter", "web", 1, 0), *KERNEL[1:])
    late = (*KERNEL[:2], SeenStep("filter", "web", 1, 0), KERNEL[2])
    way = Way(TRACE, ((1, logged),))
    assert outcome(seen(steps=there), TRACE, way)[0] is Outcome.CONFIRMED
    assert outcome(seen(steps=late), TRACE, way)[0] is Outcome.NOT_CONFIRMED


def test_the_policy_of_a_chain_that_the_dump_lacks_is_no_step() -> None:
    answer = seen(steps=(SeenStep("raw", "PREROUTING", None, 0), *KERNEL))
    assert outcome(answer)[0] is Outcome.CONFIRMED
