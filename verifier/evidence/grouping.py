"""Which cases have one cause."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from verifier.evidence.case import Case
from verifier.evidence.names import Names
from verifier.model.fields import Field
from verifier.model.finding import Kind
from verifier.model.packet import Packet
from verifier.model.policy import Direction
from verifier.model.predicate import All, AnyOf, InRange, Named, Not, Predicate
from verifier.model.trace import Step
from verifier.reference.view import View


def by_end(cases: Iterable[Case], view: View) -> list[list[Case]]:
    """Cases of one kind, path and family together whose policies are those of one pod: where nobody applies any.

    Every leak then has the same cause; what it breaks tells them apart, the destination's policies first.
    """
    groups: dict[Hashable, list[Case]] = {}
    for case in cases:
        packet, difference = case.packet, case.difference
        end = packet.source if Direction.INGRESS not in case.denying else packet.destination
        pod = view.pods.get((packet.family, end)) if case.denying else None
        key = (difference.kind, difference.path, difference.family, pod.full_name if pod is not None else "")
        groups.setdefault(key, []).append(case)
    return list(groups.values())


def grouped(cases: Iterable[Case], view: View) -> list[list[Case]]:
    """Cases of one cause together.

    A leak's cause is a rule that marks or accepts what the policies deny; whose policies these are does not tell two
    leaks apart. A blocked packet's is the policy rule that allows it and the rule that stops it, unless that rule
    stands in the way of many pods.
    """
    leaks: dict[Hashable, list[Case]] = {}
    stops: list[Case] = []
    for case in cases:
        if case.difference.kind is Kind.LEAK:
            leaks.setdefault((case.difference.path, case.difference.family), []).append(case)
        else:
            stops.append(case)
    return [group for alike in leaks.values() for group in _by_culprit(alike)] + _by_stop(stops, view)


def telling(case: Case, names: Names) -> tuple[Step, ...]:
    """The steps that set a leak's marks, without those that speak of a direction in which the policies allow it."""
    marking = case.decision.marking
    if not case.denying:
        return marking
    trace, family = case.passage.trace, case.packet.family
    wrong = [step for step in marking if names.direction(step, trace, family) in (None, *case.denying)]
    return tuple(wrong) or marking


def _by_culprit(cases: list[Case]) -> list[list[Case]]:
    """Fewest rules such that every leak goes through one: of two that let a packet through together, either will do."""
    culprits = [[_meaning(step, case.packet) for step in case.decision.marking] for case in cases]
    for place, case in enumerate(cases):
        culprits[place] = culprits[place] or [_meaning(case.decision.verdict, case.packet)]
    concerned: dict[Hashable, set[int]] = {}
    for place, meanings in enumerate(culprits):
        for meaning in meanings:
            concerned.setdefault(meaning, set()).add(place)
    left = set(range(len(cases)))
    groups: list[list[Case]] = []
    while left:
        most = max(concerned.values(), key=lambda places: len(places & left))
        groups.append([cases[place] for place in sorted(most & left)])
        left -= most
    return groups


def _by_stop(cases: list[Case], view: View) -> list[list[Case]]:
    shared = _shared_stops(cases, view)
    groups: dict[Hashable, list[Case]] = {}
    for case in cases:
        key: list[Hashable] = [case.difference.path, case.difference.family]
        key.extend(_meaning(step, case.packet) for step in case.decision.steps)
        if _stop(case) not in shared:
            key.extend((case.policies, case.expected.because))
        groups.setdefault(tuple(key), []).append(case)
    return list(groups.values())


def _shared_stops(cases: list[Case], view: View) -> frozenset[Hashable]:
    """The stopping rules that stand in the way of several pods at each end that is a pod of this node."""
    ends: dict[Hashable, tuple[set[str], set[str]]] = {}
    for case in cases:
        sources, destinations = ends.setdefault(_stop(case), (set(), set()))
        for address, pods in ((case.packet.source, sources), (case.packet.destination, destinations)):
            if (case.packet.family, address) in view.local:
                pods.add(view.pods[case.packet.family, address].full_name)
    return frozenset(stop for stop, pods in ends.items() if all(len(end) != 1 for end in pods))


def _stop(case: Case) -> Hashable:
    last = case.decision.verdict
    return (case.difference.path, case.difference.family, last.table, last.rule or last.chain)


def _meaning(step: Step, packet: Packet) -> Hashable:
    """What a rule does, wherever it stands: rules of two pods' chains that differ in the pod only mean the same."""
    if step.rule is None:
        return (step.table, step.chain)
    return (step.table, _without_ends(step.rule.match, packet), step.rule.effect)


def _without_ends(predicate: Predicate, packet: Packet) -> Hashable:
    match predicate:
        case InRange(Field.SOURCE, ((first, last),)) if first == last == packet.source:
            return "its source"
        case InRange(Field.DESTINATION, ((first, last),)) if first == last == packet.destination:
            return "its destination"
        case Named(Field.IN_INTERFACE, packet.in_interface, False):
            return "its in-interface"
        case Named(Field.OUT_INTERFACE, packet.out_interface, False):
            return "its out-interface"
        case All(parts):
            return ("all", *(_without_ends(part, packet) for part in parts))
        case AnyOf(parts):
            return ("any", *(_without_ends(part, packet) for part in parts))
        case Not(part):
            return ("not", _without_ends(part, packet))
        case _:
            return predicate
