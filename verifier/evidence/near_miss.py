"""The rule that should have matched a packet, had one of its tests gone the other way.

A blocked packet misses the rule that would have let it through, a leak the rule that takes an exception out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import ne
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
SAMPLES = 64
"""At how many addresses of each kind a rule is compared with a policy."""


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A rule that did not match, where it stands, which of its tests failed, and the packet as these saw it."""

    step: Step
    rule: Rule
    failed: tuple[Predicate, ...]
    packet: Packet


@dataclass(frozen=True, slots=True)
class _Peer:
    """Whom a policy's rule allows, by examples: for each reading of its peer, which of the packets it allows.

    `kind` is the test that says so in a chain: a set holds pods, and an address test a block.
    """

    field: Field
    kind: type[InRange] | type[Member]
    packets: tuple[Packet, ...]
    allowed: tuple[tuple[bool, ...], ...]


def near_miss(case: Case, names: Names, view: View) -> NearMiss | None:
    """Among the rules that speak of the policies that allow the packet, the one with the fewest failing tests.

    Of rules with as many, one that an exception in a set keeps from matching goes first, then the one whose tests of
    the peer mean most nearly whom the policy allows.
    """
    allowing = [(policy.name, rule) for policy, rule in case.policies if rule is not None]
    if not allowing:
        return None
    best: tuple[Rank, NearMiss] | None = None
    peers: dict[PolicyRule, _Peer] = {}
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
            for each in meant:
                if each not in peers:
                    peers[each] = _peer(each, case.packet, view)
            rank += min(_unlike(rule.match, failed, peers[each], view) for each in meant)
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


def _peer(meant: PolicyRule, packet: Packet, view: View) -> _Peer:
    """The peer of a policy's rule: its parts that allow the packet, and all of it, as some compilers put it in one set.

    The packets are from, or to, the pods on either side of the peer and the ends of its blocks, not the packet's own.
    """
    field = PEER_FIELD[meant.direction]
    parts = meant.peer.parts if isinstance(meant.peer, AnyOf) else (meant.peer,)
    readings = (*(part for part in parts if holds(part, packet, view) is True), meant.peer)
    own = packet.source if field is Field.SOURCE else packet.destination
    pods = [_moved(packet, field, each) for family, each in view.pods if family == packet.family and each != own]
    inside = [each for each in pods if holds(meant.peer, each, view) is True]
    outside = [each for each in pods if holds(meant.peer, each, view) is not True]
    blocks = [part for part in parts if isinstance(part, InRange) and part.family in (0, packet.family)]
    ends = {end for block in blocks for span in block.ranges for end in span} - {own}
    packets = (*inside[:SAMPLES], *outside[:SAMPLES], *(_moved(packet, field, end) for end in sorted(ends)[:SAMPLES]))
    kind = InRange if any(isinstance(part, InRange) for part in readings[:-1]) else Member
    allowed = tuple(tuple(holds(each, one, view) is True for one in packets) for each in readings)
    return _Peer(field, kind, packets, allowed)


def _unlike(match: Predicate, failed: tuple[Predicate, ...], peer: _Peer, view: View) -> Rank:
    """How far a rule's tests of the peer are from the policy's: 0 is nearest.

    First on how many of the peer's packets the two differ; then whether another kind of test fails than the policy's
    kind of peer asks for.
    """
    tests = [test for test in conjuncts(match) if _tests_peer(test, peer.field)]
    says = [all(holds(test, one, view) is True for test in tests) for one in peer.packets]
    differing = min(sum(map(ne, says, reading)) for reading in peer.allowed)
    return differing, not any(isinstance(test, peer.kind) and _tests_peer(test, peer.field) for test in failed)


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
