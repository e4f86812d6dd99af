"""The packets of one family of a node: who can be where, and which of them stand for all others."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

from tests.oracle.batch import Batch, Ends
from tests.oracle.classes import Tests
from tests.oracle.demands import Demands, demands
from tests.oracle.traverse import Fate, traverse
from verifier.model.assumption import Setting
from verifier.model.fields import TCP, ConnState, Field
from verifier.model.finding import Kind
from verifier.model.node import NodeState
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.predicate import InRange, Named, Predicate
from verifier.model.profile import Profile, reading
from verifier.model.snapshot import Snapshot
from verifier.reference.bridges import behind_uplink, crossing
from verifier.reference.specification import misplaced
from verifier.reference.undefined import NODE_PATHS
from verifier.reference.view import View, view_of

UNKNOWN = "some-interface"
LARGE = 2000
"""With more candidate addresses than this, a random choice of them is asked."""
CHOSEN = 100
MOST_PACKETS = 150_000
"""With more packets than this, a random choice of FEW ends and services is asked."""
FEW = (300, 150)


@dataclass(frozen=True, slots=True)
class Devices:
    """Names of the pods' interfaces; None where nothing tells."""

    names: Mapping[int, str | None]

    def one(self, address: int, guess: str) -> str:
        return self.names[address] or guess


@dataclass(frozen=True, slots=True)
class Judged:
    """The packets of a family with what is asked of them and what becomes of them.

    What nothing tells is tried in every way: there is a fate for every pair of names that unknown interfaces of pods can
    have, and for bridged and routed packets. `complete` is False where the packets are a random choice of the representatives, or some were lost sight of.
    """

    batch: Batch
    view: View
    demands: Demands
    fates: tuple[Fate, ...]
    batches: tuple[Batch, ...]
    complete: bool

    def sure(self, kind: Kind) -> int:
        """The packets that differ whatever the opaque constructs do."""
        out = self._asked(kind)
        for fate in self.fates:
            out &= fate.surely_accepted if kind is Kind.LEAK else fate.surely_dropped
        return out

    def possible(self, kind: Kind) -> int:
        """The packets that differ for some outcome of the opaque constructs."""
        out = 0
        for fate in self.fates:
            out |= (fate.accepted if kind is Kind.LEAK else fate.dropped) & ~fate.gone & ~fate.lost
        return out & self._asked(kind)

    def _asked(self, kind: Kind) -> int:
        asked = self.demands.deny if kind is Kind.LEAK else self.demands.allow
        return asked & ~self.demands.excused[kind]


def judge_family(
    snapshot: Snapshot,
    node: NodeState,
    profile: Profile,
    family: int,
    *,
    strict: bool = False,
    settings: Mapping[str, Setting] | None = None,
    seed: int = 0,
) -> Judged | None:
    """Enumerate, walk and judge; None where there is nothing to enumerate."""
    view = view_of(node, snapshot.cluster, profile.bridge(node))
    deviations = () if strict else tuple(each for each in profile.deviations(node) if family in each.families)
    ruleset = node.rulesets[family]
    predicates: list[Predicate] = [rule.match for chain in ruleset.chains.values() for rule in chain.rules]
    for cluster in (snapshot.cluster, reading(snapshot.cluster, deviations)):
        for policy in (policy for tier in cluster.tiers for policy in tier.policies):
            predicates.extend(policy.subjects.values())
            predicates.extend(part for rule in policy.rules for part in (rule.peer, rule.ports))
    predicates.extend(deviation.where for deviation in deviations)
    predicates.append(InRange(Field.SOURCE, view.networks.get(family, ())))
    tests = Tests(predicates, view, family)
    candidates = tests.address_candidates()
    choose = random.Random(seed)
    complete = len(candidates) <= LARGE
    if not complete:
        candidates = sorted(choose.sample(candidates, CHOSEN))
    addresses = tests.addresses(candidates, lambda address: _role(address, family, view))
    settings = settings or {}
    services = tests.services(others=settings.get("other-protocols", Setting.ANY) is not Setting.ANY)
    if ("nat", "PREROUTING") in ruleset.chains:
        services = [each for each in services if each.state is not ConnState.NEW or not each.ct_status]
    devices = Devices(_devices(node, profile, view, family))
    mentioned = sorted({leaf.name for leaf in tests.leaves if isinstance(leaf, Named)})
    guesses = [UNKNOWN]
    if None in devices.names.values():
        guesses += [name for name in mentioned if name]
    wires = _wires(node, profile, devices, mentioned)
    unknown = sum(name is None for name in devices.names.values())
    pairs = product(guesses, guesses) if unknown > 1 else zip(guesses, guesses, strict=True)
    variants = [list(_ends(addresses, wires, devices, view, family, pair)) for pair in pairs]
    bridging = any(isinstance(leaf, InRange) and leaf.field is Field.BRIDGED for leaf in tests.leaves)
    ways = (0, 1) if bridging and view.bridge is None else (0,)
    if not variants[0]:
        return None
    if len(variants[0]) * len(services) > MOST_PACKETS:
        complete = False
        few = sorted(choose.sample(range(len(variants[0])), min(FEW[0], len(variants[0]))))
        variants = [[ends[number] for number in few] for ends in variants]
        services = choose.sample(services, min(FEW[1], len(services)))
    batches: list[Batch] = []
    for ends, bridged in product(variants, ways):
        crossed = [replace(end, bridged=1) if bridged and end.path not in NODE_PATHS else end for end in ends]
        batches.append(Batch(family, crossed, services, view, batches[0] if batches else None))
    fates = tuple(traverse(batch, ruleset) for batch in batches)
    asked = demands(batches[0], snapshot.cluster, deviations, settings)
    return Judged(batches[0], view, asked, fates, tuple(batches), complete and not any(fate.lost for fate in fates))


def _role(address: int, family: int, view: View) -> object:
    """Local pods are told apart; every other address only by the paths on which it can be an end."""
    if (family, address) in view.local:
        return address
    local = next((a for known, a in view.local if known == family), 0)
    end = Packet(family, address, local, TCP)
    back = Packet(family, local, address, TCP)
    return tuple(
        misplaced(packet, path, view) == "" and (path, behind_uplink(family, address, view))
        for packet, path in (
            (end, Path.REMOTE_TO_POD),
            (end, Path.NODE_TO_POD),
            (back, Path.POD_TO_REMOTE),
            (back, Path.POD_TO_NODE),
        )
    )


def _devices(node: NodeState, profile: Profile, view: View, family: int) -> dict[int, str | None]:
    """By the compiler's naming, else by the most specific route that is not the way to everywhere (U-34)."""
    everywhere = (1 << (32 if family == 4 else 128)) - 1
    routes = [route for route in node.routes or () if route.family == family and route.interface]
    uplinks = {route.interface for route in routes if (route.first, route.last) == (0, everywhere)}
    found: dict[int, str | None] = {}
    for known, address in view.local:
        if known != family:
            continue
        named = profile.pod_interface(node, view.pods[known, address])
        fitting = [
            route
            for route in routes
            if route.first <= address <= route.last and (route.interface not in uplinks or route.first == route.last)
        ]
        nearest = min(fitting, key=lambda route: route.last - route.first, default=None)
        found[address] = named or (nearest.interface if nearest else None)
    return found


def _wires(node: NodeState, profile: Profile, devices: Devices, mentioned: list[str]) -> list[str]:
    """Every interface that is no pod's (U-32)."""
    bridge = profile.bridge(node)
    reserved = (*profile.pod_interfaces(node), *((bridge.pod_ports,) if bridge else ()))
    names = node.interfaces if node.interfaces is not None else ("eth0", *mentioned)
    pods = set(devices.names.values()) | ({bridge.interface, bridge.uplink} if bridge else set())
    found = [n for n in dict.fromkeys(names) if n and n != "lo" and n not in pods and not n.startswith(reserved)]
    return found or ["eth0"]


def _ends(
    addresses: list[int], wires: list[str], devices: Devices, view: View, family: int, guesses: tuple[str, str]
) -> Iterator[Ends]:
    """Every pair of ends on every path that it can take."""
    inward, outward = guesses
    for local in sorted(devices.names):
        for other in addresses:
            there, back = Packet(family, other, local, TCP), Packet(family, local, other, TCP)
            into, out_of = devices.one(local, outward), devices.one(local, inward)
            behind = behind_uplink(family, other, view) if view.bridge else False
            assert behind is not None, "nobody knows what the bridge reaches"
            far = [view.bridge.interface] if view.bridge and behind else wires
            if not misplaced(there, Path.REMOTE_TO_POD, view):
                for wire in far:
                    yield _crossed(Ends(Path.REMOTE_TO_POD, other, local, wire, into), view, family)
            if not misplaced(back, Path.POD_TO_REMOTE, view):
                for wire in far:
                    yield _crossed(Ends(Path.POD_TO_REMOTE, local, other, out_of, wire), view, family)
            if other in devices.names and not misplaced(back, Path.POD_TO_POD, view):
                yield _crossed(Ends(Path.POD_TO_POD, local, other, out_of, devices.one(other, outward)), view, family)
            if view.types.known and not misplaced(there, Path.NODE_TO_POD, view):
                yield _crossed(Ends(Path.NODE_TO_POD, other, local, "", into), view, family)
            if view.types.known and not misplaced(back, Path.POD_TO_NODE, view):
                yield _crossed(Ends(Path.POD_TO_NODE, local, other, out_of, ""), view, family)


def _crossed(ends: Ends, view: View, family: int) -> Ends:
    """With the bridge ports that the reference gives such packets."""
    packet = Packet(
        family, ends.source, ends.destination, TCP, in_interface=ends.in_interface, out_interface=ends.out_interface
    )
    made = crossing(packet, ends.path, view)
    return replace(ends, phys_in=made.phys_in, phys_out=made.phys_out, bridged=made.bridged)
