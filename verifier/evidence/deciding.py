"""Which of the rules that a packet met decide about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from verifier.model.effect import Assign, Call, Copy, Finish, Goto, Return, Verdict
from verifier.model.fields import Field
from verifier.model.path import HOOKS, Path
from verifier.model.predicate import TRUE, All, AnyOf, InRange, Masked, Not, Predicate
from verifier.model.ruleset import Rule
from verifier.model.trace import ChainTrace, Step
from verifier.reference.chains import Passage


@dataclass(frozen=True, slots=True)
class Decision:
    """The step that gives the verdict, and the steps that set the mark bits by which the packet came to it."""

    verdict: Step
    marking: tuple[Step, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        return (*self.marking, self.verdict)

    @property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(dict.fromkeys(step.rule for step in self.steps if step.rule is not None))


def decision(passage: Passage, path: Path) -> Decision:
    """Work back from the verdict to the rules that set the bits which its test, and the tests on the way, read.

    On the way to an accept count the returns that were taken and the drops that were not, as far as they test the
    mark; on the way to a drop only the drop itself. A chain that accepts, or marks, all that enter it decides nothing:
    the rule that enters it does. Where the dump has no chain that the packet meets, it is the empty chain of the filter
    table that accepts it.
    """
    trace = passage.trace
    if not trace.steps:
        table, chain = next(hook for hook in HOOKS[path] if hook[0] == "filter")
        return Decision(Step(table, chain, 0, None, trace.mark, trace.mark), ())
    last = _verdict_place(trace)
    place = _entrance(trace, last) if trace.verdict is Verdict.ACCEPT else last
    verdict = trace.steps[place]
    tests = tuple(_mark_tests(passage, place))
    marking: dict[int, Step] = {}
    for when, step in tests:
        for bit in _bits(_tested_bits(step) & step.mark_before):
            setter = _last_write(trace, bit, when)
            if setter is not None:
                marking[setter] = trace.steps[setter]
    if trace.verdict is Verdict.DROP:
        marking.update(_clearings(trace, place, _tested_bits(verdict) & ~verdict.mark_before))
    told = [(at, step) for at, step in sorted(marking.items()) if not _relays(at, step, tests)]
    if place == last:
        return Decision(verdict, tuple(step for _, step in told))
    return Decision(verdict, tuple(replace(step, rule=trace.steps[_entrance(trace, at)].rule) for at, step in told))


def _entrance(trace: ChainTrace, place: int) -> int:
    """The step that decides whether the packet comes to this one: the rule that enters its chain, where all come to it."""
    step = trace.steps[place]
    if step.rule is None or step.rule.match != TRUE:
        return place
    before = [at for at in range(place - 1, -1, -1) if _enters(trace.steps[at], step.chain)]
    inside = trace.steps[before[0] + 1 : place] if before else ()
    alone = len(inside) == step.number - 1 and all(each.rule is not None and each.rule.match == TRUE for each in inside)
    return _entrance(trace, before[0]) if before and alone else place


def _relays(place: int, step: Step, tests: tuple[tuple[int, Step], ...]) -> bool:
    """Whether the step only passes on, for every packet, what a mark test before it in its chain has let through."""
    if step.rule is None or not _only_marks(step.rule.match):
        return False
    return any(
        when <= place and test.chain == step.chain and _tested_bits(test) & test.mark_before for when, test in tests
    )


def _verdict_place(trace: ChainTrace) -> int:
    """The last step for a drop; for an accept the last one of the filter table, whose business verdicts are."""
    if trace.verdict is Verdict.ACCEPT:
        filtering = [place for place, step in enumerate(trace.steps) if step.table == "filter"]
        if filtering:
            return filtering[-1]
    return len(trace.steps) - 1


def _mark_tests(passage: Passage, place: int) -> Iterator[tuple[int, Step]]:
    """The steps whose mark tests brought the packet to its verdict, each with how many steps came before it."""
    trace = passage.trace
    yield place, trace.steps[place]
    if trace.verdict is not Verdict.ACCEPT:
        return
    for when, step in enumerate(trace.steps[:place]):
        if step.table == "filter" and step.rule is not None and isinstance(step.rule.effect, Return | Goto):
            yield when, step
    for when, step in passage.spared:
        if when <= place and step.table == "filter" and _drops(step):
            yield when, step


def _drops(step: Step) -> bool:
    effect = step.rule.effect if step.rule is not None else None
    return isinstance(effect, Finish) and effect.verdict is Verdict.DROP


def _tested_bits(step: Step) -> int:
    """The mark bits that a rule's own tests read, where the outcome hangs on them."""
    return _mark_bits(step.rule.match) if step.rule is not None else 0


def _mark_bits(predicate: Predicate) -> int:
    match predicate:
        case Masked(Field.MARK, _, mask):
            return mask
        case InRange(Field.MARK):
            return 0xFFFFFFFF
        case All(parts) | AnyOf(parts):
            bits = 0
            for part in parts:
                bits |= _mark_bits(part)
            return bits
        case Not(part):
            return _mark_bits(part)
        case _:
            return 0


def _bits(mask: int) -> Iterator[int]:
    while mask:
        lowest = mask & -mask
        yield lowest
        mask ^= lowest


def _last_write(trace: ChainTrace, bit: int, before: int) -> int | None:
    """The last step before that one which turned the bit on, or wrote it again while it was on."""
    for place in range(before - 1, -1, -1):
        step = trace.steps[place]
        if step.rule is not None and isinstance(step.rule.effect, Assign | Copy) and _writes(step.rule, bit):
            return place if step.mark_after & bit else None
    return None


def _writes(rule: Rule, bit: int) -> bool:
    match rule.effect:
        case Assign(Field.MARK, value, mask):
            return bool((value | mask) & bit)
        case Copy(Field.MARK, _, mask, source):
            return bool((mask | source) & bit)
        case _:
            return False


def _clearings(trace: ChainTrace, place: int, tested: int) -> dict[int, Step]:
    """Steps that cleared a bit that the drop tests, after it had been set, all within the drop's own chain."""
    chain = trace.steps[place].chain
    entered = max((at for at, step in enumerate(trace.steps[:place]) if _enters(step, chain)), default=-1)
    found: dict[int, Step] = {}
    for at in range(entered + 1, place):
        step = trace.steps[at]
        if step.rule is not None and step.mark_before & ~step.mark_after & tested:
            cleared = step.mark_before & ~step.mark_after & tested
            if any((_last_write(trace, bit, at) or -1) > entered for bit in _bits(cleared)):
                found[at] = step
    return found


def _enters(step: Step, chain: str) -> bool:
    return step.rule is not None and isinstance(step.rule.effect, Call | Goto) and step.rule.effect.chain == chain


def _only_marks(predicate: Predicate) -> bool:
    """Whether a predicate tests nothing but marks."""
    match predicate:
        case Masked(Field.MARK) | InRange(Field.MARK):
            return True
        case All(parts) | AnyOf(parts):
            return all(_only_marks(part) for part in parts)
        case Not(part):
            return _only_marks(part)
        case _:
            return False
