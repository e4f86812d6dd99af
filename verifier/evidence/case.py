"""A difference after the reference has confirmed it: both sides' stories and the rules that decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from verifier.evidence.deciding import Decision, decision
from verifier.evidence.regions import contains
from verifier.model.addresses import address_text
from verifier.model.assumption import Setting
from verifier.model.disagreement import Disagreement
from verifier.model.effect import Verdict
from verifier.model.finding import Difference, Kind
from verifier.model.node import NodeState
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.policy import Direction, Policy, PolicyRule
from verifier.model.profile import Deviation
from verifier.model.trace import Expectation, PolicyTrace
from verifier.reference.bridges import misdirected
from verifier.reference.chains import Passage, passage
from verifier.reference.specification import excused, expectation
from verifier.reference.undefined import NODE_PATHS
from verifier.reference.view import View

WRONG = {Kind.LEAK: (Verdict.DROP, Verdict.ACCEPT), Kind.BLOCKED: (Verdict.ACCEPT, Verdict.DROP)}
"""What the specification asks and what the chains do instead."""
ANSWERING = {
    Path.REMOTE_TO_POD: (Direction.INGRESS,),
    Path.POD_TO_REMOTE: (Direction.EGRESS,),
    Path.POD_TO_POD: (Direction.EGRESS, Direction.INGRESS),
    Path.NODE_TO_POD: (Direction.INGRESS,),
    Path.POD_TO_NODE: (Direction.EGRESS,),
}
"""The directions in which the ends on this node are judged."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A confirmed difference; `rests` are the settled assumptions without which nothing would be asked of its packet."""

    difference: Difference
    passage: Passage
    expected: Expectation
    decision: Decision
    rests: tuple[str, ...] = ()

    @property
    def packet(self) -> Packet:
        return self.difference.packet

    def judged(self, direction: Direction) -> PolicyTrace | None:
        return self.expected.ingress if direction is Direction.INGRESS else self.expected.egress

    @property
    def denying(self) -> tuple[Direction, ...]:
        """The directions in which the policies of an end on this node deny the packet."""
        traces = ((each, self.judged(each)) for each in ANSWERING[self.difference.path])
        return tuple(direction for direction, trace in traces if trace is not None and not trace.allowed)

    @property
    def policies(self) -> tuple[tuple[Policy, PolicyRule | None], ...]:
        """Whose policies decide: those that isolate an end and deny, or the rules that allow.

        Between a node and its pods no policy counts; those that deny are named because the chains heed them.
        """
        if self.difference.kind is Kind.LEAK or self.difference.path in NODE_PATHS:
            denials = [trace for each in self.denying if (trace := self.judged(each)) is not None]
            return tuple(
                dict.fromkeys((trace.policy, trace.deciding) for trace in denials if trace.policy is not None)
            ) + tuple(
                dict.fromkeys((policy, None) for trace in denials if trace.policy is None for policy in trace.selecting)
            )
        traces = (self.expected.egress, self.expected.ingress)
        return tuple(
            (trace.policy, trace.deciding)
            for trace in traces
            if trace is not None and trace.policy is not None and trace.deciding is not None
        )


def confirmed(
    difference: Difference,
    node: NodeState,
    view: View,
    settings: Mapping[str, Setting],
    deviations: tuple[Deviation, ...],
) -> Case:
    """Walk the difference's packet through both sides; Disagreement where either does not bear it out."""
    packet, path = difference.packet, difference.path
    if not any(contains(box, packet) for box in difference.region):
        raise Disagreement(f"{_title(difference)}: its packet is not in its region")
    wrong_way = misdirected(packet, path, view)
    if wrong_way:
        raise Disagreement(f"{_title(difference)}: {wrong_way}")
    expected = expectation(packet, path, view, settings)
    must, does = WRONG[difference.kind]
    if expected.must is not must:
        asked = expected.must.value if expected.must else "nothing"
        raise Disagreement(f"{_title(difference)}: the reference asks {asked} ({expected.because})")
    walked = passage(packet, path, node, view)
    if walked.trace.verdict is not does:
        found = walked.trace.verdict.value if walked.trace.verdict else f"undecided ({'; '.join(walked.trace.reasons)})"
        raise Disagreement(f"{_title(difference)}: the walk through the chains ends in {found}")
    names = excused(packet, path, difference.kind, deviations, view)
    if names:
        raise Disagreement(f"{_title(difference)}: the deviation {names[0]} excuses it")
    rests = tuple(
        name
        for name, setting in settings.items()
        if setting is not Setting.ANY
        and expectation(packet, path, view, {**settings, name: Setting.ANY}).must is not must
    )
    return Case(difference, walked, expected, decision(walked, path), rests)


def _title(difference: Difference) -> str:
    packet = difference.packet
    source = address_text(packet.family, packet.source)
    destination = address_text(packet.family, packet.destination)
    return (
        f"{difference.kind.value} on {difference.path.value}, protocol {packet.protocol} "
        f"{source}:{packet.source_port} -> {destination}:{packet.destination_port} {packet.state.name}"
    )
