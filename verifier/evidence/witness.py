"""Differences become findings: each packet walked through both sides, and those of one cause taken together.

Spec: specs/answers.md
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from itertools import chain as concatenated

from verifier.evidence.case import Case, confirmed
from verifier.evidence.cause import cause
from verifier.evidence.near_miss import near_miss
from verifier.evidence.regions import join, size
from verifier.model.assumption import Setting
from verifier.model.fields import POLICED_PROTOCOLS, Field
from verifier.model.finding import Difference, Finding, Kind, Witness
from verifier.model.node import NodeState
from verifier.model.packet import Packet
from verifier.model.predicate import All, AnyOf, InRange, Named, Not, Predicate
from verifier.model.profile import Deviation, Profile
from verifier.model.snapshot import Snapshot
from verifier.model.trace import Step
from verifier.reference.specification import excused
from verifier.reference.view import View, view_of


def build_findings(
    differences: Sequence[Difference],
    snapshot: Snapshot,
    node: NodeState,
    profile: Profile,
    settings: Mapping[str, Setting],
    deviations: tuple[Deviation, ...] | None = None,
) -> tuple[Finding, ...]:
    """The findings of a node, the worst first: leaks before blocked, large regions before small ones.

    `deviations` are those in force, None for all of the profile's that apply to the node. Raises Disagreement where
    the reference does not confirm a difference.
    """
    if not differences:
        return ()
    documented = profile.deviations(node)
    view = view_of(node, snapshot.cluster)
    in_force = documented if deviations is None else deviations
    cases = [confirmed(each, node, view, settings, in_force) for each in differences]
    findings = [_finding(group, node, profile, documented, view) for group in _grouped(cases, view)]
    findings.sort(key=lambda each: (each.kind is not Kind.LEAK, -size(each.region), _place(each)))
    return tuple(_numbered(findings))


def _place(finding: Finding) -> tuple[str, int, int, int, int, int]:
    packet = finding.witness.packet
    return (
        finding.path.value,
        finding.family,
        packet.destination,
        packet.source,
        packet.protocol,
        packet.destination_port,
    )


def _numbered(findings: list[Finding]) -> list[Finding]:
    counts = dict.fromkeys(Kind, 0)
    numbered = []
    for each in findings:
        counts[each.kind] += 1
        numbered.append(replace(each, id=f"{each.kind.value}-{counts[each.kind]}"))
    return numbered


def _finding(
    group: list[Case], node: NodeState, profile: Profile, documented: tuple[Deviation, ...], view: View
) -> Finding:
    """One finding for all cases of a cause, told by the plainest packet among them."""
    best = min(group, key=lambda case: _plainness(case.packet))
    missed = near_miss(best, node, profile, view) if best.difference.kind is Kind.BLOCKED else None
    rules = [*best.decision.rules, *((missed.rule,) if missed else ())]
    rules += [rule for case in group for rule in case.decision.rules]
    policies = [*best.policies, *(pair for case in group for pair in case.policies)]
    excuses = [excused(each.packet, each.difference.path, each.difference.kind, documented, view) for each in group]
    return Finding(
        id="",
        kind=best.difference.kind,
        path=best.difference.path,
        family=best.difference.family,
        region=join(concatenated.from_iterable(case.difference.region for case in group)),
        witness=Witness(best.packet, best.passage.trace, best.expected.ingress, best.expected.egress),
        pods=tuple(sorted({pod for case in group for pod in case.difference.pods})),
        policies=tuple(dict.fromkeys(policies)),
        rules=tuple(dict.fromkeys(rules)),
        cause=cause(best, missed, view),
        assumptions=tuple(sorted({case.expected.assumption for case in group if case.expected.assumption})),
        deviations=tuple(sorted({name for names in excuses for name in names})),
    )


def _plainness(packet: Packet) -> tuple[int, ...]:
    protocol = POLICED_PROTOCOLS.index(packet.protocol) if packet.protocol in POLICED_PROTOCOLS else packet.protocol + 3
    return (packet.state, protocol, packet.destination, packet.source, packet.destination_port, packet.source_port)


def _grouped(cases: list[Case], view: View) -> list[list[Case]]:
    """Cases of one cause together.

    A leak's cause is the rules that let it through; whose policies deny it does not tell two leaks apart. A blocked
    packet's is the policy rule that allows it and the rule that stops it, unless that rule is shared by many pods.
    """
    shared = _shared_stops(cases, view)
    groups: dict[Hashable, list[Case]] = {}
    for case in cases:
        difference = case.difference
        key: list[Hashable] = [difference.kind, difference.path, difference.family]
        key.extend(_meaning(step, case.packet) for step in case.decision.steps)
        if difference.kind is Kind.LEAK:
            key.append(case.denying)
        elif _stop(case) not in shared:
            key.extend((case.policies, case.expected.because))
        groups.setdefault(tuple(key), []).append(case)
    return list(groups.values())


def _shared_stops(cases: list[Case], view: View) -> frozenset[Hashable]:
    """The stopping rules that stand in the way of several pods at each end that is a pod of this node."""
    ends: dict[Hashable, tuple[set[str], set[str]]] = {}
    for case in cases:
        if case.difference.kind is Kind.BLOCKED:
            sources, destinations = ends.setdefault(_stop(case), (set(), set()))
            for address, names in ((case.packet.source, sources), (case.packet.destination, destinations)):
                if (case.packet.family, address) in view.local:
                    names.add(view.pods[case.packet.family, address].full_name)
    return frozenset(
        stop
        for stop, (sources, destinations) in ends.items()
        if all(len(names) != 1 for names in (sources, destinations))
    )


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
