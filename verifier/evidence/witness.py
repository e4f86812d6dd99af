"""Differences become findings: each packet walked through both sides, and those of one cause taken together.

Spec: specs/answers.md
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain as concatenated

from verifier.evidence.case import Case, confirmed
from verifier.evidence.cause import Story
from verifier.evidence.grouping import by_end, grouped, telling
from verifier.evidence.names import Names
from verifier.evidence.near_miss import NearMiss, missed_exception, near_miss
from verifier.evidence.nearest_rule import NearestRule, nearest_rule
from verifier.evidence.regions import join, size
from verifier.model.assumption import Setting
from verifier.model.fields import POLICED_PROTOCOLS
from verifier.model.finding import Difference, Finding, Kind, Witness
from verifier.model.node import NodeState
from verifier.model.packet import Packet
from verifier.model.policy import Direction, Policy, PolicyRule
from verifier.model.profile import Deviation, Enforcer, Profile
from verifier.model.snapshot import Snapshot
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
    names = Names(node, profile, snapshot.path, profile.chain_names(node, snapshot.cluster))
    view = view_of(node, snapshot.cluster, profile.bridge(node))
    in_force = documented if deviations is None else deviations
    cases = [_told(confirmed(each, node, view, settings, in_force), names) for each in differences]
    together = by_end if profile.enforcement(node).by is Enforcer.NOBODY else grouped
    findings = [_finding(group, names, documented, view) for group in together(cases, view)]
    findings.sort(key=lambda each: (each.kind is not Kind.LEAK, -size(each.region), _place(each)))
    counts = dict.fromkeys(Kind, 0)
    for place, each in enumerate(findings):
        counts[each.kind] += 1
        findings[place] = replace(each, id=f"{each.kind.value}-{counts[each.kind]}")
    return tuple(findings)


def _told(case: Case, names: Names) -> Case:
    """A leak without the rules that rightly let it through in the other direction."""
    if case.difference.kind is not Kind.LEAK:
        return case
    return replace(case, decision=replace(case.decision, marking=telling(case, names)))


def _place(finding: Finding) -> tuple[str, int, int, int, int, int]:
    packet = finding.witness.packet
    ends = (packet.destination, packet.source, packet.protocol, packet.destination_port)
    return (finding.path.value, finding.family, *ends)


def _finding(group: list[Case], names: Names, documented: tuple[Deviation, ...], view: View) -> Finding:
    """One finding for all cases of a cause, told by the plainest packet among them."""
    best = min(group, key=lambda case: (len(case.decision.marking), _plainness(case.packet)))
    found = ((each, nearest_rule(best, each, names, view)) for each in best.denying)
    nearest = tuple((direction, rule) for direction, rule in found if rule is not None)
    missed = _missed(best, nearest, names, view)
    rules = dict.fromkeys([*best.decision.rules, *((missed.rule,) if missed else ())])
    others = {step.rule: step for case in group for step in case.decision.steps if step.rule is not None}
    also = tuple(rule for rule in others if rule not in rules)
    met = {step.rule for step in best.passage.trace.steps}
    policies: list[tuple[Policy, PolicyRule | None]] = [(each.policy, each.rule) for _, each in nearest]
    policies += [*best.policies, *(pair for case in group for pair in case.policies)]
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
        rules=(*rules, *also),
        cause=Story(best, missed, nearest, names, view, also).sentence(),
        assumptions=tuple(sorted({name for case in group for name in case.rests})),
        deviations=tuple(sorted({name for names_ in excuses for name in names_})),
        places=(*(others[rule] for rule in also if rule not in met), *((missed.step,) if missed else ())),
        missed=(missed.rule,) if missed else (),
    )


def _missed(
    case: Case, nearest: tuple[tuple[Direction, NearestRule], ...], names: Names, view: View
) -> NearMiss | None:
    """The chain rule that should have matched the packet."""
    if case.difference.kind is Kind.BLOCKED:
        return near_miss(case, names, view)
    return next((miss for _, rule in nearest if (miss := missed_exception(case, rule, names, view)) is not None), None)


def _plainness(packet: Packet) -> tuple[int, ...]:
    protocol = POLICED_PROTOCOLS.index(packet.protocol) if packet.protocol in POLICED_PROTOCOLS else packet.protocol + 3
    return (packet.state, protocol, packet.destination, packet.source, packet.destination_port, packet.source_port)
