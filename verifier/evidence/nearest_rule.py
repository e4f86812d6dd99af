"""The policy rule that comes closest to allowing a packet that the policies deny."""

from __future__ import annotations

from dataclasses import dataclass

from verifier.evidence.case import Case
from verifier.evidence.names import Names, speaks_of
from verifier.evidence.phrases import left_out, listed
from verifier.model.addresses import networks
from verifier.model.cluster import Pod
from verifier.model.fields import Field
from verifier.model.packet import Packet
from verifier.model.policy import Action, Direction, Policy, PolicyRule
from verifier.model.predicate import AnyOf, PortNamed, Predicate, Range
from verifier.reference.predicates import holds
from verifier.reference.view import View

PEER_FIELD = {Direction.INGRESS: Field.SOURCE, Direction.EGRESS: Field.DESTINATION}


@dataclass(frozen=True, slots=True)
class NearestRule:
    """A rule that does not allow the packet, what it allows instead ("excepts 10.1.0.0/16"), and that exception."""

    policy: Policy
    rule: PolicyRule
    instead: str
    hole: tuple[Range, ...] = ()


def nearest_rule(case: Case, direction: Direction, names: Names, view: View) -> NearestRule | None:
    """Among the policies that isolate the denied end, first those of which the deciding chain rules speak.

    A rule whose block excepts the peer comes first, then one that has the peer on other ports, then one that has the
    port for other peers.
    """
    trace = case.judged(direction)
    if trace is None or trace.deciding is not None:
        return None
    words = "\n".join(names.words(step, case.packet.family) for step in case.decision.steps)
    found: list[tuple[tuple[bool, int], NearestRule]] = []
    for policy in trace.selecting:
        spoken = speaks_of(words, (policy.name,))
        for rule in policy.rules:
            if rule.direction is not direction or rule.action is not Action.ALLOW:
                continue
            rank, instead, hole = _compared(rule, case.packet, view)
            if instead and (spoken or rank < 2):
                found.append(((not spoken, rank), NearestRule(policy, rule, instead, hole)))
    return min(found, key=lambda each: each[0])[1] if found else None


def _compared(rule: PolicyRule, packet: Packet, view: View) -> tuple[int, str, tuple[Range, ...]]:
    """How close the rule comes (0 is closest), what it says instead, "" where it speaks of something else, and what
    it excepts.
    """
    on_ports = holds(rule.ports, packet, view) is True
    hole = left_out(rule.peer, PEER_FIELD[rule.direction], packet, view) if on_ports else ()
    if hole:
        return 0, f"excepts {listed(networks(packet.family, hole))}", hole
    if holds(rule.peer, packet, view) is True:
        pod = view.pods.get((packet.family, packet.destination))
        named = _named_elsewhere(rule.ports, packet, pod)
        return (0 if named else 1), named or "allows this peer on other ports only", ()
    if on_ports:
        side = "to" if rule.direction is Direction.EGRESS else "from"
        return 2, f"allows this port {side} other peers only", ()
    return 3, "", ()


def _named_elsewhere(ports: Predicate, packet: Packet, pod: Pod | None) -> str:
    """That a named port has another number on the destination."""
    for part in ports.parts if isinstance(ports, AnyOf) else (ports,):
        if isinstance(part, PortNamed) and part.protocol == packet.protocol and pod is not None:
            numbers = [
                str(port.number) for port in pod.ports if (port.name, port.protocol) == (part.name, part.protocol)
            ]
            if numbers:
                return f"allows port {part.name}, which is {' and '.join(numbers)} on {pod.full_name}"
            return f"allows port {part.name}, which {pod.full_name} does not have"
    return ""
