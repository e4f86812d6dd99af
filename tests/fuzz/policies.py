"""Random policies of random clusters before the encoder and the reference: for every protected end, who may reach it.

The encoder is asked once for all peers and services of an end, as the engine asks; the reference packet by packet.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.fuzz import casefile
from tests.fuzz.clusters import NUMBERS, Objects, Thing, draw
from tests.fuzz.encoder import service_cell, values_at
from tests.judges import reference
from verifier.evidence.kernel.records import Shot
from verifier.model.assumption import Presence, defaults
from verifier.model.cluster import Cluster
from verifier.model.fields import ICMP, SCTP, TCP, UDP, ConnState, Field
from verifier.model.node import NodeState
from verifier.model.origin import InputError
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.policy import Direction, Tier
from verifier.model.predicate import All, AnyOf, InRange, Not, Predicate
from verifier.reference.policies import judge, perhaps, surely
from verifier.reference.view import view_of
from verifier.semantics.compile import Compiler
from verifier.semantics.interfaces import Interfaces
from verifier.semantics.policies import Policies
from verifier.semantics.program import Program
from verifier.semantics.readings import readings, standing
from verifier.semantics.regions import slice_at
from verifier.semantics.scene import Axis, Scene
from verifier.semantics.space import Space
from verifier.semantics.summaries import Summaries
from verifier.smt.formula import Store

NOBODY = {4: 0x08080808, 6: 0x20014860 << 96}
ANY_INTERFACE = Interfaces((("", -1),))
TRIES = 600


@dataclass(frozen=True, slots=True)
class Odd:
    """A packet that the two judge differently in a direction."""

    packet: Packet
    direction: Direction
    text: str


def compare(objects: Objects, seed: str, by_end: int = 60) -> tuple[int, list[Odd]]:
    """How many packets were compared, and those that differ."""
    node, cluster = objects.read()
    choose = random.Random(seed)
    compared, odd = 0, []
    for family in (4, 6):
        encoder = _Encoder(node, cluster, family)
        ends = _ends(cluster, family)
        for pod in cluster.pods:
            address = pod.addresses.get(family)
            if address is None or not pod.has_traffic:
                continue
            for direction in Direction:
                packets = [_packet(choose, family, address, direction, ends) for _ in range(by_end)]
                compared += len(packets)
                odd += encoder.differing(packets, direction)
    return compared, odd


def _packet(choose: random.Random, family: int, protected: int, direction: Direction, ends: Sequence[int]) -> Packet:
    peer, number = choose.choice(ends), choose.choice(NUMBERS) + choose.choice((0, 0, 0, 1, -1))
    source, destination = (peer, protected) if direction is Direction.INGRESS else (protected, peer)
    protocol = choose.choice((TCP, TCP, UDP, SCTP, choose.choice((ICMP, 47))))
    begin = choose.choice((40000, 40000, choose.choice(NUMBERS)))
    return Packet(family, source, destination, protocol, begin, min(65535, max(0, number)))


def _ends(cluster: Cluster, family: int) -> list[int]:
    """Addresses of pods and nodes, and the ends of blocks, with their neighbours."""
    found = {address for pod in cluster.pods for fam, address in pod.addresses.items() if fam == family}
    found |= {address for node in cluster.nodes.values() for fam, address in node.addresses if fam == family}
    for each in cluster.network_sets:
        found.update(edge for span in each.networks.get(family, ()) for edge in span)
    for tier in cluster.tiers:
        for policy in tier.policies:
            for rule in policy.rules:
                found.update((*_edges(rule.peer, family), *_edges(rule.ports, family)))
    top = (1 << (32 if family == 4 else 128)) - 1
    near = {address + step for address in found for step in (-1, 0, 1)} | {NOBODY[family]}
    return sorted(address for address in near if 0 <= address <= top)


def _edges(predicate: Predicate, family: int) -> Iterator[int]:
    match predicate:
        case InRange(Field.SOURCE | Field.DESTINATION, ranges, of) if of in (0, family):
            for first, last in ranges:
                yield from (first, last)
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from _edges(part, family)
        case Not(part):
            yield from _edges(part, family)


class _Encoder:
    """The policies of one family as the engine reads them, narrowly and widely, beside the reference."""

    def __init__(self, node: NodeState, cluster: Cluster, family: int) -> None:
        self._node, self._cluster, self._family = node, cluster, family
        both = readings(cluster, defaults())
        self._tiers = [
            (replace(counting, others=way), standing(tiers, way))
            for counting, tiers in ((surely(defaults()), both.narrow), (perhaps(defaults()), both.wide))
            for way in Presence
        ]
        predicates = [each for _, tiers in self._tiers for tier in tiers for each in _predicates(tier)]
        self._compiler = Compiler(Space(family, cluster, node, predicates))
        self._view = view_of(node, cluster)

    def differing(self, packets: list[Packet], direction: Direction) -> list[Odd]:
        """The packets, which share the protected end, of which the two say different things."""
        found: list[Odd] = []
        for counting, tiers in self._tiers:
            allowed = self._allowed(packets, direction, tiers)
            for packet, answers in zip(packets, allowed, strict=True):
                trace = judge(packet, self._cluster, direction, self._view, counting)
                if not trace.reasons and set(answers) != {trace.allowed}:
                    wide = "widely" if counting.lenient else "narrowly"
                    text = f"read {wide}: the reference says {trace.allowed}, region and formula {answers}"
                    found.append(Odd(packet, direction, text))
        return found

    def _allowed(self, packets: list[Packet], direction: Direction, tiers: tuple[Tier, ...]) -> list[tuple[bool, bool]]:
        """Of each packet whether it is in the region, and whether in the formula, of what is allowed."""
        space, store = self._compiler.space, Store()
        peer = Axis.SOURCE if direction is Direction.INGRESS else Axis.DESTINATION
        everything = space.addresses.all
        cells = (1 << space.addresses.cell(packets[0].source), 1 << space.addresses.cell(packets[0].destination))
        source, destination = (everything, cells[1]) if peer is Axis.SOURCE else (cells[0], everything)
        scene = Scene(
            "policies", source, destination, peer, ANY_INTERFACE, ANY_INTERFACE, ConnState.NEW, space.services.all, everything
        )  # fmt: skip
        made = Policies(tiers, self._compiler)
        summaries = Summaries(Program(self._node.rulesets[self._family], self._compiler, ConnState.NEW), store)
        formula, region = made.formula(direction, scene, summaries), made.region(direction, scene)
        ends = [each.source if peer is Axis.SOURCE else each.destination for each in packets]
        points = [
            (1 << space.addresses.cell(end), service_cell(space.services, each))
            for end, each in zip(ends, packets, strict=True)
        ]
        true, _ = values_at(store, formula, points)
        return [
            (slice_at(region, address) & service != 0, bool(true >> number & 1))
            for number, (address, service) in enumerate(points)
        ]


def _predicates(tier: Tier) -> Iterator[Predicate]:
    for policy in tier.policies:
        yield from policy.subjects.values()
        for rule in policy.rules:
            yield from (rule.peer, rule.ports)


# ---------------------------------------------------------------------- making it small


def shrink(objects: Objects, odd: Odd) -> Objects:
    """The smallest objects found for which the two still differ about the packet."""
    left = TRIES

    def holds(items: tuple[Thing, ...]) -> bool:
        nonlocal left
        left -= 1
        try:
            node, cluster = Objects(items).read()
            return bool(_Encoder(node, cluster, odd.packet.family).differing([odd.packet], odd.direction))
        except (InputError, KeyError, IndexError):
            return False

    items, before = objects.items, tuple[Thing, ...]()
    while before != items and left > 0:
        before = items
        items = _fewer(items, holds, lambda: left > 0)
    return Objects(items)


def _fewer(
    items: tuple[Thing, ...], holds: Callable[[tuple[Thing, ...]], bool], more: Callable[[], bool]
) -> tuple[Thing, ...]:
    for smaller in _smaller(list(items)):
        if more() and holds(tuple(smaller)):
            return tuple(smaller)
    return items


def _smaller(value: Any) -> Iterator[Any]:
    """The value with one part gone, whole parts before parts of parts."""
    if isinstance(value, list):
        for place in range(len(value)):
            yield [*value[:place], *value[place + 1 :]]
        for place, part in enumerate(value):
            for less in _smaller(part):
                yield [*value[:place], less, *value[place + 1 :]]
    elif isinstance(value, dict):
        for key in value:
            if key not in KEPT:
                yield {other: part for other, part in value.items() if other != key}
        for key, part in value.items():
            for less in _smaller(part):
                yield {**value, key: less}


KEPT = ("apiVersion", "kind", "metadata", "name", "namespace", "spec", "status", "containers", "podSelector")


def page(title: str, objects: Objects, odd: Odd) -> str:
    """The case of a disagreement: the cluster, and what the reference says of the packet."""
    node, cluster = objects.read()
    allowed = reference.policies(odd.packet, node, cluster, odd.direction)
    word = {True: "allow", False: "deny", None: "any"}[allowed]
    words = casefile.line(
        Shot(replace(odd.packet, in_interface="", out_interface=""), Path.REMOTE_TO_POD), None
    ).split()
    line = " ".join([word, odd.direction.value, *words[2:]])
    return f"# {title}\n\n{odd.text}.\n\n```json cluster\n{objects.text()}\n```\n\n```packets\n{line}\n```\n"


def search(seed: str, worlds: int) -> tuple[int, list[str]]:
    """Compare so many clusters; how many packets that were, and the pages written of disagreements."""
    total, pages = 0, []
    for number in range(worlds):
        objects = draw(f"{seed}/{number}")
        compared, odd = compare(objects, f"{seed}/{number}")
        total += compared
        if odd:
            small = shrink(objects, odd[0])
            title = f"Encoder and reference read policies differently (seed {seed}, cluster {number})"
            pages.append(str(casefile.write(f"policies-{seed}-{number}", page(title, small, odd[0]))))
            print(f"{odd[0].text}\n  {odd[0].packet}\n  {pages[-1]}", flush=True)
    return total, pages
