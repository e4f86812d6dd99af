"""Whether the kernel took a packet the way that the reference says: verdict, every rule of every table, final mark.

Spec: specs/questions/replay.md
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from verifier.evidence.kernel.records import Seen, SeenStep
from verifier.model.effect import Verdict
from verifier.model.replay import KernelStep, Outcome
from verifier.model.trace import ChainTrace, Step
from verifier.reference.chains import Way

DONE = {Verdict.ACCEPT: "accepts", Verdict.DROP: "drops"}
PASSIVE = {Verdict.ACCEPT: "accepted", Verdict.DROP: "dropped"}


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the kernel's answer stands to the reference's; `reason` says why they are not the same, or not compared."""

    outcome: Outcome
    reason: str = ""


def kernel_steps(seen: Seen, built_in: frozenset[tuple[str, str]]) -> tuple[KernelStep, ...]:
    """The kernel's steps as the reference counts them; the policy of a chain that the dump does not have is no step."""
    return tuple(
        KernelStep(step.table, step.chain, step.number or 0, step.mark)
        for step in in_one_order(seen)
        if step.number or (step.table, step.chain) in built_in
    )


def in_one_order(seen: Seen) -> Sequence[SeenStep]:
    """The kernel's steps with those of the security table's INPUT before those of the nat table's (CH-1).

    iptables-nft has them the other way round; what its security table drops has met the nat table then, and the marks in
    between are others.
    """
    last = max((at for at, step in enumerate(seen.steps) if step.table in ("mangle", "filter")), default=-1)
    if not any(step.chain == "INPUT" for step in seen.steps[: last + 1]):
        return seen.steps
    rest = seen.steps[last + 1 :]
    secured = [step for step in rest if step.table == "security"]
    if not secured or rest[0].table == "security":
        return seen.steps
    others = [] if seen.verdict is Verdict.DROP else [step for step in rest if step.table != "security"]
    return [*seen.steps[: last + 1], *(replace(step, mark=None) for step in (*secured, *others))]


def agreement(
    expected: ChainTrace, ways: Callable[[], Sequence[Way]], seen: Seen, steps: Sequence[KernelStep]
) -> Agreement:
    """Compare; `ways` are all that constructs without a static meaning leave open, asked for only where they matter."""
    if seen.verdict is None:
        return Agreement(Outcome.NOT_REPLAYED, seen.reason or "the kernel could not be given this packet")
    if expected.verdict is None:
        why = "; ".join(expected.reasons)
        return Agreement(
            Outcome.NOT_REPLAYED, f"not decided here ({why}); this time the kernel {DONE[seen.verdict]} it"
        )
    if not _difference(Way(expected), seen, steps):
        return Agreement(Outcome.CONFIRMED)
    open_ways = ways()
    if any(not _difference(each, seen, steps) for each in open_ways):
        return Agreement(Outcome.CONFIRMED)
    nearest = max(open_ways, key=lambda each: _shared(each, steps))
    return Agreement(Outcome.NOT_CONFIRMED, _difference(nearest, seen, steps))


def _difference(way: Way, seen: Seen, steps: Sequence[KernelStep]) -> str:
    """Where the kernel first differs from one way, "" where it does not."""
    assert seen.verdict is not None
    faults = []
    trace = way.trace
    if trace.verdict is not seen.verdict:
        said = PASSIVE[trace.verdict] if trace.verdict else "not decided"
        faults.append(f"the kernel {DONE[seen.verdict]} it, and it should be {said}")
    ours, theirs = _shared(way, steps)
    if ours < len(trace.steps) or theirs < len(steps):
        here = _told(steps[theirs]) if theirs < len(steps) else "nothing more"
        there = _told(_as_kernel(trace.steps[ours])) if ours < len(trace.steps) else "nothing more"
        faults.append(f"at step {theirs + 1} the kernel reports {here}, expected {there}")
    elif seen.verdict is Verdict.ACCEPT and seen.mark is not None and seen.mark != trace.mark:
        faults.append(f"the kernel ends with mark {seen.mark:#x}, expected {trace.mark:#x}")
    return "; ".join(faults)


def _shared(way: Way, steps: Sequence[KernelStep]) -> tuple[int, int]:
    """How many steps from the beginning are the same, of the reference's and of the kernel's.

    The kernel may also report rules of `perhaps`, in their order and place.
    """
    ours, perhaps = 0, list(way.perhaps)
    for theirs, step in enumerate(steps):
        optional = next((n for n, (at, each) in enumerate(perhaps) if at == ours and _same(each, step)), None)
        if optional is not None:
            del perhaps[: optional + 1]
        elif ours < len(way.trace.steps) and _same(way.trace.steps[ours], step):
            ours += 1
        else:
            return ours, theirs
    return ours, len(steps)


def _same(ours: Step, kernels: KernelStep) -> bool:
    at = (ours.table, ours.chain, ours.number) == (kernels.table, kernels.chain, kernels.number)
    return at and kernels.mark in (None, ours.mark_after)


def _told(step: KernelStep) -> str:
    mark = "" if step.mark is None else f" with mark {step.mark:#x}"
    return f"{step.table} {step.chain} {f'rule {step.number}' if step.number else 'policy'}{mark}"


def _as_kernel(step: Step) -> KernelStep:
    return KernelStep(step.table, step.chain, step.number, step.mark_after)
