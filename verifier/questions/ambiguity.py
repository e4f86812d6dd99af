"""Do policies of one tier and priority contradict each other? Every pair of their rules, exactly.

Spec: specs/questions/ambiguity.md
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations, groupby

from verifier.model.cluster import Cluster
from verifier.model.fields import ConnState
from verifier.model.finding import Ambiguity, Box
from verifier.model.node import NodeState
from verifier.model.packet import Packet
from verifier.model.policy import Direction, Policy, PolicyRule, Tier
from verifier.model.predicate import Predicate
from verifier.semantics.boxes import Box3, complement, meet, merge
from verifier.semantics.compile import Compiler
from verifier.semantics.cuts import SPECIAL
from verifier.semantics.decode import service_boxes, simplest_address, simplest_service
from verifier.semantics.space import Space

First = list[tuple[PolicyRule, list[Box3]]]
"""The rules of a policy in one direction, each with the packets of which it is the first that matches."""


def ambiguities(cluster: Cluster, family: int, protected: frozenset[str]) -> list[Ambiguity]:
    """What policies say of the ends named in `protected` ("namespace/name") that is ambiguous in a family (AMB-1)."""
    tiers = [tier for tier in cluster.tiers if tier.ties_open and len(tier.policies) > 1]
    if not tiers:
        return []
    space = Space(family, cluster, NodeState("", {}), _asked(tiers))
    asking = _Asking(space, protected)
    return [found for tier in tiers for direction in Direction for found in asking.of(tier, direction)]


def _asked(tiers: list[Tier]) -> Iterator[Predicate]:
    for tier in tiers:
        for policy in tier.policies:
            yield from policy.subjects.values()
            for rule in policy.rules:
                yield from (rule.peer, rule.ports)


class _Asking:
    """The tiers of one family, asked one by one."""

    def __init__(self, space: Space, protected: frozenset[str]) -> None:
        self._space = space
        self._compiler = Compiler(space)
        self._everything = space.everything
        inventory = space.inventory
        nowhere = space.address_mask(span for ranges in SPECIAL[space.family].values() for span in ranges)
        everywhere = self._everything[0] & ~nowhere
        own = 0
        for pod, bit in inventory.pods:
            own |= bit if pod.full_name in protected else 0
        new = space.services.feasible(ConnState.NEW)
        self._possible: Mapping[Direction, list[Box3]] = {
            Direction.INGRESS: self._apart([(everywhere, own, new)]),
            Direction.EGRESS: self._apart([(own, everywhere, new)]),
        }

    def _apart(self, boxes: list[Box3]) -> list[Box3]:
        """Without packets from a pod to itself."""
        same = [(bit, bit, self._everything[2]) for _, bit in self._space.inventory.pods]
        return meet(boxes, complement(same, self._everything))

    def of(self, tier: Tier, direction: Direction) -> Iterator[Ambiguity]:
        """The ambiguities of a tier, the policies that are asked first first."""
        left = self._possible[direction]
        for _, tied in groupby(tier.policies, key=lambda policy: policy.order):
            said = [(policy, self._first(policy, direction, left)) for policy in tied if direction in policy.subjects]
            for (one, mine), (other, theirs) in combinations(said, 2):
                for (rule, boxes), (against, others) in ((a, b) for a in mine for b in theirs):
                    met = merge(meet(boxes, others)) if rule.action is not against.action else []
                    if met:
                        yield self._ambiguity(tier, direction, ((one, rule), (other, against)), met)
            decided = [box for _, rules in said for _, boxes in rules for box in boxes]
            left = meet(left, complement(decided, self._everything)) if decided else left

    def _first(self, policy: Policy, direction: Direction, left: list[Box3]) -> First:
        found: First = []
        left = meet(left, self._compiler.boxes(policy.subjects[direction]))
        for rule in policy.rules:
            if rule.direction is direction and left:
                matches = meet(self._compiler.boxes(rule.peer), self._compiler.boxes(rule.ports))
                found.append((rule, merge(meet(left, matches))))
                left = meet(left, complement(matches, self._everything))
        return found

    def _ambiguity(
        self,
        tier: Tier,
        direction: Direction,
        rules: tuple[tuple[Policy, PolicyRule], tuple[Policy, PolicyRule]],
        met: list[Box3],
    ) -> Ambiguity:
        region = tuple(box for each in met for box in self._boxes(each))
        packet = self._packet(met[0])
        return Ambiguity("", tier.name, rules[0][0].order, direction, self._space.family, rules, region, packet)

    def _boxes(self, box: Box3) -> Iterator[Box]:
        line = self._space.addresses
        for services in service_boxes(self._space.services, box[2]):
            yield Box(
                line.ranges(box[0]),
                line.ranges(box[1]),
                None if len(services.protocols) == 256 else services.protocols,
                services.source_ports,
                services.destination_ports,
                services.icmp,
                (ConnState.NEW,),
            )

    def _packet(self, box: Box3) -> Packet:
        """The simplest packet of a box, from and to pods where it can be."""
        line, pods = self._space.addresses, self._space.inventory.all
        source = simplest_address(line, box[0], pods)
        rest = box[1] & ~(1 << line.cell(source))
        destination = simplest_address(line, rest or box[1], pods)
        service = simplest_service(service_boxes(self._space.services, box[2])[0], ConnState.NEW)
        return Packet(
            self._space.family,
            source,
            destination,
            service.protocol,
            service.source_port,
            service.destination_port,
            icmp=service.icmp,
            tcp_flags=service.tcp_flags,
        )
