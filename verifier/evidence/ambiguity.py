"""Every ambiguity's packet is walked by the reference before anybody sees it.

Spec: specs/questions/ambiguity.md (AMB-4)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from verifier.evidence.regions import contains
from verifier.model.cluster import Cluster
from verifier.model.disagreement import Disagreement
from verifier.model.finding import Ambiguity
from verifier.model.node import NodeState
from verifier.model.packet import Packet
from verifier.model.policy import Direction, Policy, PolicyRule
from verifier.reference.predicates import holds
from verifier.reference.view import View, view_of


def confirmed(found: Iterable[Ambiguity], cluster: Cluster) -> Iterator[Ambiguity]:
    """The ambiguities with their names; Disagreement where the reference does not bear one out."""
    view = view_of(NodeState("", {}), cluster)
    for number, each in enumerate(found, 1):
        fault = _fault(each, cluster, view)
        if fault:
            raise Disagreement(f"ambiguity of {' and '.join(policy.name for policy, _ in each.rules)}: {fault}")
        yield replace(each, id=f"ambiguous-{number}")


def _fault(found: Ambiguity, cluster: Cluster, view: View) -> str:
    packet, direction = found.packet, found.direction
    if not any(contains(box, packet) for box in found.region):
        return "its packet is not in its region"
    for policy, rule in found.rules:
        if _first(policy, packet, direction, view) is not rule:
            return f"{rule.text} is not the first rule of {policy.name} that matches its packet"
    if len({rule.action for _, rule in found.rules}) == 1:
        return "both rules say the same"
    for tier in cluster.tiers:
        for policy in tier.policies if tier.name == found.tier else ():
            earlier = (policy.order or 0) < (found.order or 0)
            if earlier and _first(policy, packet, direction, view) is not None:
                return f"{policy.name}, which comes first, decides about its packet"
    return ""


def _first(policy: Policy, packet: Packet, direction: Direction, view: View) -> PolicyRule | None:
    """The first rule of a policy that matches a packet of an end that it selects."""
    subject = policy.subjects.get(direction)
    if subject is None or not holds(subject, packet, view):
        return None
    for rule in policy.rules:
        if rule.direction is direction and holds(rule.peer, packet, view) and holds(rule.ports, packet, view):
            return rule
    return None
