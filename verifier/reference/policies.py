"""What the policies say of one packet in one direction.

Spec: specs/policies/network_policy.md, specs/assumptions.md
"""

from __future__ import annotations

from dataclasses import replace

from verifier.model.cluster import Cluster
from verifier.model.packet import Packet
from verifier.model.policy import Action, Direction, Policy, PolicyRule, Tier
from verifier.model.trace import PolicyTrace
from verifier.reference.predicates import doubts, holds
from verifier.reference.view import View

NOTHING: frozenset[str] = frozenset()


def judge(
    packet: Packet, cluster: Cluster, direction: Direction, view: View, counting: frozenset[str] = NOTHING
) -> PolicyTrace:
    """Ask the tiers in order; what no tier decides is allowed. `counting` are the assumptions whose readings count (AS-1)."""
    selecting: list[Policy] = []
    reasons: list[str] = []
    for place, tier in enumerate(cluster.tiers):
        chosen, unsure = _selecting(place, tier, packet, direction, view)
        reasons.extend(unsure)
        if not chosen:
            continue
        selecting.extend(chosen)
        found = _first_match(chosen, packet, direction, view, counting, reasons)
        action = found[1].action if found else tier.unmatched
        if action is Action.PASS:
            continue
        policy, rule = found or (None, None)
        return PolicyTrace(action is Action.ALLOW, tuple(selecting), policy, rule, tuple(reasons))
    return PolicyTrace(True, tuple(selecting), None, None, tuple(reasons))


def _selecting(
    place: int, tier: Tier, packet: Packet, direction: Direction, view: View
) -> tuple[tuple[Policy, ...], tuple[str, ...]]:
    """The tier's policies that isolate the protected end in this direction, and why others might."""
    end = packet.destination if direction is Direction.INGRESS else packet.source
    key = (place, direction, packet.family, end)
    if key not in view.selections:
        selecting: list[Policy] = []
        unsure: list[str] = []
        for policy in tier.policies:
            subject = policy.subjects.get(direction)
            answer = holds(subject, packet, view) if subject is not None else False
            if answer:
                selecting.append(policy)
            elif answer is None and subject is not None:
                unsure.extend(f"{cause} ({policy.origin})" for cause in doubts(subject, packet, view))
        view.selections[key] = tuple(selecting), tuple(unsure)
    return view.selections[key]


def _first_match(
    chosen: tuple[Policy, ...],
    packet: Packet,
    direction: Direction,
    view: View,
    counting: frozenset[str],
    reasons: list[str],
) -> tuple[Policy, PolicyRule] | None:
    for policy in chosen:
        for rule in policy.rules:
            if rule.direction is not direction:
                continue
            answers = holds(rule.peer, packet, view), holds(rule.ports, packet, view)
            if answers == (True, True) or (counting and _by_reading(rule, packet, view, counting)):
                return policy, rule
            if False not in answers:
                causes = doubts(rule.peer, packet, view) + doubts(rule.ports, packet, view)
                reasons.extend(f"{cause} ({rule.origin})" for cause in causes)
    return None


def _by_reading(rule: PolicyRule, packet: Packet, view: View, counting: frozenset[str]) -> bool:
    """Whether a wider reading of the rule that counts matches the packet, or the rule where a guest is the peer."""
    peer = packet.source if rule.direction is Direction.INGRESS else packet.destination
    end = packet.family, peer
    worlds = [view]
    for assumption, guest in view.guests.get(end, ()):
        if assumption in counting:
            worlds.append(replace(view, pods={**view.pods, end: guest}))
    written = [(rule.peer, rule.ports), *((each.peer, each.ports) for each in rule.readings if each.needs <= counting)]
    return any(
        holds(peers, packet, world) is True and holds(ports, packet, world) is True
        for world in worlds
        for peers, ports in written
    )
