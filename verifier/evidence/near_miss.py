"""The rule that should have matched a packet, had one of its tests gone the other way.

A blocked packet misses the rule that would have let it through, a leak the rule that takes an exception out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from verifier.evidence.case import Case
from verifier.evidence.names import Names, speaks_of
from verifier.evidence.nearest_rule import PEER_FIELD, NearestRule
from verifier.evidence.phrases import conjuncts, failing, left_out_of_set
from verifier.model.effect import Assign, Call, Effect, Finish, Goto, Return, Verdict
from verifier.model.fields import Field
from verifier.model.packet import Packet
from verifier.model.path import HOOKS
from verifier.model.policy import PolicyRule
from verifier.model.predicate import AnyOf, InRange, Member, Not, Predicate, Range
from verifier.model.ruleset import Rule
from verifier.model.trace import Step
from verifier.reference.chains import at_hook, passage
from verifier.reference.predicates import holds
from verifier.reference.view import View

Rank: TypeAlias = tuple[int, ...]

MOST_FAILING = 2
"""A rule of which more tests fail was meant for other packets."""


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A rule that did not match, where it stands, which of its tests failed, and the packet as these saw it."""

    step: Step
    rule: Rule
    failed: tuple[Predicate, ...]
    packet: Packet


def near_miss(case: Case, names: Names, view: View) -> NearMiss | None:
    """Among the rules that speak of the policies that allow the packet, the one with the fewest failing tests.

    Of rules with as many, one that an exception in a set keeps from matching goes first, then the one whose tests of
    the peer mean most nearly whom the policy allows.
    """
    allowing = [(policy.name, rule) for policy, rule in case.policies if rule is not None]
    if not allowing:
        return None
    best: tuple[Rank, NearMiss] | None = None
    for step, rule, seen in _spared(case, names, view, (Finish, Assign, Call, Goto)):
        if not _lets_through(rule):
            continue
        words = names.words(step, case.packet.family)
        meant = [policy_rule for name, policy_rule in allowing if speaks_of(words, (name,))]
        failed = failing(rule.match, seen, view) if meant else ()
        if not meant or len(failed) > MOST_FAILING:
            continue
        rank: Rank = (len(failed), not any(left_out_of_set(test, seen, view) for test in failed))
        if best is None or rank <= best[0][:2]:
            rank += min(_unlike(rule.match, failed, each, seen, view) for each in meant)
            if best is None or rank < best[0]:
                best = rank, NearMiss(step, rule, failed, seen)
    return best[1] if best else None


def missed_exception(case: Case, nearest: NearestRule, names: Names, view: View) -> NearMiss | None:
    """The rule that takes part of the exception out of what the policy's rule allows, but not this packet."""
    if not nearest.hole:
        return None
    field = PEER_FIELD[nearest.rule.direction]
    for step, rule, seen in _spared(case, names, view, (Finish, Assign, Return)):
        if _lets_through(rule) or not speaks_of(names.words(step, case.packet.family), (nearest.policy.name,)):
            continue
        failed = failing(rule.match, seen, view)
        if len(failed) == 1 and _touches(failed[0], field, nearest.hole):
            return NearMiss(step, rule, failed, seen)
    return None


def _spared(
    case: Case, names: Names, view: View, effects: tuple[type[Effect], ...]
) -> Iterator[tuple[Step, Rule, Packet]]:
    """The rules of the filter table that the packet met and that did not match, with the packet as they saw it."""
    path = case.difference.path
    hook = next(chain for table, chain in HOOKS[path] if table == "filter")
    for _, step in passage(case.packet, path, names.node, view, effects).spared:
        if step.rule is not None and step.table == "filter":
            yield step, step.rule, at_hook(case.packet, hook, step.mark_before, case.packet.connmark)


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


def _touches(test: Predicate, field: Field, hole: tuple[Range, ...]) -> bool:
    """Whether the test asks for addresses of which some lie in the hole."""
    return (
        isinstance(test, InRange)
        and test.field is field
        and any(first <= end and start <= last for first, last in test.ranges for start, end in hole)
    )


def _unlike(match: Predicate, failed: tuple[Predicate, ...], meant: PolicyRule, packet: Packet, view: View) -> Rank:
    """How far a rule's tests of the peer are from the policy's: 0 is nearest.

    First at how many addresses, the packet's own apart, the two differ: at those of the pods and at the ends of the
    policy's blocks. Then whether another kind of test fails than the policy's kind of peer asks for: a set holds
    pods, and an address test a block.
    """
    field = PEER_FIELD[meant.direction]
    tests = [test for test in conjuncts(match) if _tests_peer(test, field)]
    parts = meant.peer.parts if isinstance(meant.peer, AnyOf) else (meant.peer,)
    allowing = [part for part in parts if holds(part, packet, view) is True] or [meant.peer]
    packets = [_moved(packet, field, each) for each in _samples(meant.peer, packet, field, view)]
    rule_says = [all(holds(test, each, view) is True for test in tests) for each in packets]
    differing = min(
        sum(says is not (holds(peer, each, view) is True) for says, each in zip(rule_says, packets, strict=True))
        for peer in (*allowing, meant.peer)
    )
    kind = InRange if any(isinstance(part, InRange) for part in allowing) else Member
    return differing, not any(isinstance(test, kind) and _tests_peer(test, field) for test in failed)


def _samples(peer: Predicate, packet: Packet, field: Field, view: View) -> list[int]:
    own = packet.source if field is Field.SOURCE else packet.destination
    pods = {address for family, address in view.pods if family == packet.family}
    blocks = [part for part in (peer.parts if isinstance(peer, AnyOf) else (peer,)) if isinstance(part, InRange)]
    ends = {end for block in blocks if block.family in (0, packet.family) for span in block.ranges for end in span}
    return sorted((pods | ends) - {own})


def _moved(packet: Packet, field: Field, address: int) -> Packet:
    if field is Field.SOURCE:
        return replace(packet, source=address)
    return replace(packet, destination=address)


def _tests_peer(test: Predicate, field: Field) -> bool:
    match test:
        case InRange(tested):
            return tested is field
        case Member(name, directions):
            return not name.startswith("@") and directions[0] == ("src" if field is Field.SOURCE else "dst")
        case Not(part):
            return _tests_peer(part, field)
        case _:
            return False
