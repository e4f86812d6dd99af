"""Policies for the whole cluster: the engine's regions and formulas, the reference and the scripts say the same of them.

What is ambiguous is held against the reference's word for every rule of a packet.
"""

from __future__ import annotations

import random

import pytest

from tests.fuzz.administrative import draw_tiers
from tests.fuzz.clusters import NUMBERS
from tests.fuzz.policies import compare
from tests.judges import reference, script
from verifier.evidence.ambiguity import confirmed
from verifier.evidence.regions import contains
from verifier.model.fields import SCTP, TCP, UDP
from verifier.model.packet import Packet
from verifier.model.policy import Direction, Policy, PolicyRule
from verifier.questions.ambiguity import ambiguities
from verifier.reference.predicates import holds
from verifier.reference.view import View, view_of

SEEDS = range(24)
CROWDED = range(100, 108)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_encoder_is_the_reference(seed: int) -> None:
    """Of random packets of every pod, read narrowly and widely (CNP-1 to CNP-15)."""
    objects = draw_tiers(str(seed))
    compared, odd = compare(objects, str(seed), by_end=30)
    assert compared
    assert odd == []


@pytest.mark.parametrize("seed", SEEDS[:12])
def test_scripts_are_the_reference(seed: int) -> None:
    """Of a few packets, in the words of a bundle of evidence."""
    node, cluster = draw_tiers(str(seed)).read()
    choose = random.Random(seed)
    ends = [
        address for pod in cluster.pods if pod.has_traffic for family, address in pod.addresses.items() if family == 4
    ]
    for _ in range(6 if ends else 0):
        one, other = choose.choice(ends), choose.choice([*ends, 0x08080808, 0x0A000005])
        direction = choose.choice(tuple(Direction))
        source, destination = (other, one) if direction is Direction.INGRESS else (one, other)
        packet = Packet(4, source, destination, choose.choice((TCP, UDP)), 40000, choose.choice((53, 80, 443, 8080)))
        told = script.JUDGE.policies(packet, node, cluster, direction)
        assert told == reference.JUDGE.policies(packet, node, cluster, direction), packet


def _first(policy: Policy, packet: Packet, direction: Direction, view: View) -> PolicyRule | None:
    if not (direction in policy.subjects and holds(policy.subjects[direction], packet, view)):
        return None
    matching = (rule for rule in policy.rules if rule.direction is direction)
    return next((rule for rule in matching if holds(rule.peer, packet, view) and holds(rule.ports, packet, view)), None)


def _contradict(packet: Packet, direction: Direction, view: View) -> set[frozenset[str]]:
    """The names of the policies of one tier and priority that say different things, none before them anything."""
    found = set()
    for tier in view.cluster.tiers if packet.source != packet.destination else ():
        said = [
            (policy, rule) for policy in tier.policies if (rule := _first(policy, packet, direction, view)) is not None
        ]
        least = min((policy.order or 0 for policy, _ in said), default=0)
        first = [(policy, rule) for policy, rule in said if tier.ties_open and (policy.order or 0) == least]
        for number, (one, rule) in enumerate(first):
            for other, against in first[number + 1 :]:
                if rule.action is not against.action:
                    found.add(frozenset((one.name, other.name)))
    return found


@pytest.mark.parametrize("seed", CROWDED)
def test_ambiguities_are_complete(seed: int) -> None:
    """A random packet of a pod is in the region of exactly the pairs of policies that contradict each other (AMB-1)."""
    node, cluster = draw_tiers(str(seed), most=9).read()
    view, choose = view_of(node, cluster), random.Random(seed)
    pods = [pod for pod in cluster.pods if pod.has_traffic and 4 in pod.addresses]
    found = list(confirmed(ambiguities(cluster, 4, frozenset(pod.full_name for pod in pods)), cluster))
    ends = [pod.addresses[4] for pod in pods]
    for _ in range(300 if ends else 0):
        one, other = choose.choice(ends), choose.choice([*ends, 0x08080808, 0x0A000005, 0xC0A8000B])
        direction = choose.choice(tuple(Direction))
        source, destination = (other, one) if direction is Direction.INGRESS else (one, other)
        protocol, port = choose.choice((TCP, UDP, SCTP)), choose.choice(NUMBERS)
        packet = Packet(4, source, destination, protocol, 40000, port, tcp_flags=2 if protocol == TCP else 0)
        held = [
            each for each in found if each.direction is direction and any(contains(box, packet) for box in each.region)
        ]
        told = {frozenset(policy.name for policy, _ in each.rules) for each in held}
        assert told == _contradict(packet, direction, view), packet
