"""The rule that would have let a packet through, had one of its tests gone the other way."""

from __future__ import annotations

from dataclasses import dataclass

from verifier.evidence.case import Case
from verifier.evidence.names import Names, speaks_of
from verifier.evidence.phrases import failing, left_out_of_set
from verifier.model.effect import Assign, Call, Finish, Goto, Verdict
from verifier.model.packet import Packet
from verifier.model.path import HOOKS
from verifier.model.predicate import Predicate
from verifier.model.ruleset import Rule
from verifier.reference.chains import at_hook, passage
from verifier.reference.view import View

MOST_FAILING = 2
"""A rule of which more tests fail was meant for other packets."""


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A rule that did not match, which of its tests failed, and the packet as these saw it."""

    rule: Rule
    failed: tuple[Predicate, ...]
    packet: Packet


def near_miss(case: Case, names: Names, view: View) -> NearMiss | None:
    """Among the rules that speak of the policies that allow the packet, the one with the fewest failing tests.

    A rule that an exception in a set keeps from matching goes before others with as many.
    """
    allowing = [policy.name for policy, rule in case.policies if rule is not None]
    if not allowing:
        return None
    path = case.difference.path
    hook = next(chain for table, chain in HOOKS[path] if table == "filter")
    best: tuple[tuple[int, bool], NearMiss] | None = None
    for _, step in passage(case.packet, path, names.node, view, (Finish, Assign, Call, Goto)).spared:
        if step.rule is None or step.table != "filter" or not _lets_through(step.rule):
            continue
        if not speaks_of(names.words(step, case.packet.family), allowing):
            continue
        seen = at_hook(case.packet, hook, step.mark_before, case.packet.connmark)
        failed = failing(step.rule.match, seen, view)
        rank = (len(failed), not any(left_out_of_set(test, seen, view) for test in failed))
        if len(failed) <= MOST_FAILING and (best is None or rank < best[0]):
            best = rank, NearMiss(step.rule, failed, seen)
    return best[1] if best else None


def _lets_through(rule: Rule) -> bool:
    match rule.effect:
        case Finish(verdict):
            return verdict is Verdict.ACCEPT
        case Assign(_, value, mask):
            return bool(value & mask)
        case Call() | Goto():
            return True
        case _:
            return False
