"""Policies for the whole cluster: the engine's regions and formulas, the reference and the scripts say the same."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.administrative import draw_tiers
from tests.fuzz.policies import compare
from tests.judges import reference, script
from verifier.model.fields import TCP, UDP
from verifier.model.packet import Packet
from verifier.model.policy import Direction

SEEDS = range(24)


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
