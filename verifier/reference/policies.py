"""What the policies say of one packet in one direction.

Spec: specs/policies/network_policy.md, specs/policies/cluster_network_policy.md, specs/assumptions.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from verifier.model.assumption import EQUAL_PRIORITIES, Presence, Setting, granted
from verifier.model.cluster import Cluster
from verifier.model.packet import Packet
from verifier.model.policy import Action, Direction, Policy, PolicyRule, Tier
from verifier.model.trace import PolicyTrace
from verifier.reference.predicates import doubts, holds
from verifier.reference.view import View

RANKS = {Action.DENY: 0, Action.PASS: 1, Action.ALLOW: 2}


@dataclass(frozen=True, slots=True)
class Counting:
    """The assumptions that surely count, and those that perhaps do (AS-1).

    Where only the latter make a rule match, packets pass with `lenient` and do not pass without. `others` is how
    policies stand that do not speak of the packet's protocol (AS-18).
    """

    sure: frozenset[str] = frozenset()
    perhaps: frozenset[str] = frozenset()
    lenient: bool = False
    others: Presence = Presence.WRITTEN


NOTHING = Counting()


def surely(settings: Mapping[str, Setting]) -> Counting:
    """What is allowed by it is allowed whatever nobody settled."""
    return Counting(granted(settings, perhaps=False), granted(settings, perhaps=True))


def perhaps(settings: Mapping[str, Setting]) -> Counting:
    """What is denied by it is denied whatever nobody settled."""
    return replace(surely(settings), lenient=True)


def judge(
    packet: Packet, cluster: Cluster, direction: Direction, view: View, counting: Counting = NOTHING
) -> PolicyTrace:
    """Ask the tiers in order; what no tier decides is allowed."""
    selecting: list[Policy] = []
    passing: list[Policy] = []
    passed: list[tuple[Policy, PolicyRule]] = []
    reasons: list[str] = []
    for place, tier in enumerate(cluster.tiers):
        chosen, unsure = _selecting(place, tier, packet, direction, view)
        reasons.extend(unsure)
        if counting.others is Presence.ABSENT:
            chosen = tuple(policy for policy in chosen if policy.every_protocol)
        if not chosen:
            continue
        (passing if tier.unmatched is Action.PASS else selecting).extend(chosen)
        found = _decided(tier, chosen, packet, direction, view, counting, reasons)
        action = found[0] if found else tier.unmatched
        if action is Action.PASS:
            passed.extend([found[1:]] if found else [])
            continue
        _, policy, rule = found or (None, None, None)
        allowed = action is Action.ALLOW
        return PolicyTrace(allowed, tuple(selecting), policy, rule, tuple(reasons), tuple(passing), tuple(passed))
    return PolicyTrace(True, tuple(selecting), None, None, tuple(reasons), tuple(passing), tuple(passed))


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


def _decided(
    tier: Tier,
    chosen: tuple[Policy, ...],
    packet: Packet,
    direction: Direction,
    view: View,
    counting: Counting,
    reasons: list[str],
) -> tuple[Action, Policy, PolicyRule] | None:
    """What the tier says by some rule: the first that matches, and among tied policies the one that the reading picks."""
    waiting = list(chosen)
    while waiting:
        tied = [each for each in waiting if each.order == waiting[0].order] if tier.ties_open else waiting[:1]
        del waiting[: len(tied)]
        said = []
        for policy in tied:
            found = _first_match(policy, packet, direction, view, counting, reasons)
            if found is not None:
                said.append((found[0], policy, found[1]))
        if said:
            generous = EQUAL_PRIORITIES in (counting.perhaps if counting.lenient else counting.sure)
            return max(said, key=lambda each: RANKS[each[0]] if generous else -RANKS[each[0]])
    return None


def _first_match(
    policy: Policy, packet: Packet, direction: Direction, view: View, counting: Counting, reasons: list[str]
) -> tuple[Action, PolicyRule] | None:
    """The first rule of a policy that matches, and what it does with the packet."""
    if counting.others is Presence.WITHOUT_RULES and not policy.every_protocol:
        return None
    for rule in policy.rules:
        if rule.direction is not direction:
            continue
        answers = holds(rule.peer, packet, view), holds(rule.ports, packet, view)
        if answers == (True, True) or (counting.sure and _by_reading(rule, packet, view, counting.sure)):
            return rule.action, rule
        if counting.perhaps - counting.sure and _by_reading(rule, packet, view, counting.perhaps):
            action = Action.ALLOW if counting.lenient else Action.DENY
            if rule.action in (action, Action.PASS):
                return action, rule
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
        if assumption in counting and assumption not in rule.settled:
            worlds.append(replace(view, pods={**view.pods, end: guest}))
    written = [(rule.peer, rule.ports), *((each.peer, each.ports) for each in rule.readings if each.needs <= counting)]
    return any(
        holds(peers, packet, world) is True and holds(ports, packet, world) is True
        for world in worlds
        for peers, ports in written
    )
