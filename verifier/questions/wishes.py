"""What the policies want of boxes of packets between ends that can be there.

Spec: specs/questions/explain.md
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from verifier.model.counters import Wish
from verifier.model.fields import ConnState
from verifier.model.finding import Kind
from verifier.model.path import Path
from verifier.model.policy import Direction
from verifier.questions.world import World
from verifier.semantics.atoms import Name, NameTest
from verifier.semantics.boxes import Box3, complement, meet, merge
from verifier.semantics.interfaces import Interfaces, leaving
from verifier.semantics.line import cells
from verifier.semantics.policies import Policies
from verifier.semantics.scene import Axis, Scene

PATHS = {
    ("pod", "pod"): Path.POD_TO_POD,
    ("pod", "remote"): Path.POD_TO_REMOTE,
    ("remote", "pod"): Path.REMOTE_TO_POD,
    ("node", "pod"): Path.NODE_TO_POD,
    ("pod", "node"): Path.POD_TO_NODE,
}


FORWARDED = (Path.REMOTE_TO_POD, Path.POD_TO_REMOTE, Path.POD_TO_POD)


@dataclass(frozen=True, slots=True)
class _Group:
    """Ends that share an interface and a bridge port."""

    interface: Name
    port: Name
    cells: int


def _decided(test: NameTest, source: _Group, destination: _Group, hook: str) -> bool | None:
    """Whether a test of a name holds between two ends, as the chain sees it (CH-2)."""
    if test.port:
        out = leaving(source.port, destination.port)
        return test.decide(out if test.outgoing else source.port)
    if test.outgoing:
        return test.decide("" if hook == "PREROUTING" else destination.interface)
    return test.decide("" if hook == "POSTROUTING" else source.interface)


class Ends:
    """The ends of a node's packets, with their interfaces and the policies that protect them."""

    def __init__(self, world: World) -> None:
        self._world = world
        places = world.places
        groups: dict[tuple[Name, Name], int] = {}
        for pod in places.pods:
            groups[pod.device, pod.port] = groups.get((pod.device, pod.port), 0) | pod.bit
        self._local = [_Group(device, port, mask) for (device, port), mask in groups.items()]
        self._remote = [_Group(wire.interface, wire.port, wire.remote) for wire in places.wires]
        self._own = places.own
        self._everything = world.space.everything
        self._allowed: dict[tuple[int, Direction, int], list[Box3]] = {}

    def possible(self, boxes: list[Box3], names: Iterable[NameTest], hook: str) -> dict[Path | None, list[Box3]]:
        """The packets whose ends are where their interfaces say (U-31), by path; `hook` is the built-in chain."""
        tests = tuple(names)
        everything = self._world.space.everything
        node = [_Group("", "", self._own)]
        sources = {"pod": self._local, "remote": self._remote} if hook != "OUTPUT" else {"node": node}
        destinations = {"pod": self._local, "remote": self._remote}
        if hook == "INPUT":
            destinations = {"node": node}
        if hook == "PREROUTING":
            destinations = {**destinations, "node": node}
        if hook == "POSTROUTING":
            sources = {**sources, "node": node}
        out: dict[Path | None, list[Box3]] = {}
        for (from_, incoming), (to, outgoing) in product(sources.items(), destinations.items()):
            for source, destination in product(incoming, outgoing):
                if all(_decided(test, source, destination, hook) is not False for test in tests):
                    met = meet(boxes, [(source.cells, destination.cells, everything[2])])
                    out.setdefault(PATHS.get((from_, to)), []).extend(met)
        return {path: kept for path, found in out.items() if (kept := merge(self._apart(found)))}

    def _apart(self, boxes: list[Box3]) -> list[Box3]:
        """Without packets from a pod to itself, of which nothing is asked (U-34)."""
        everything = self._world.space.everything
        for pod in self._world.places.pods:
            if any(box[0] & pod.bit and box[1] & pod.bit for box in boxes):
                boxes = meet(boxes, complement([(pod.bit, pod.bit, everything[2])], everything))
        return boxes

    def wishes(self, boxes: list[Box3], state: ConnState, path: Path | None) -> dict[Wish, list[Box3]]:
        """The boxes by what the policies want of them; of packets without a local pod at either end, nothing.

        What a documented deviation leaves unspecified, and what reading the policies one way or the other decides, is
        open.
        """
        everything, local = self._everything, self._world.places.local_bits
        services = self._world.space.services
        ours = [_at(0, local, everything), _at(1, local, everything)]
        judged = meet(meet(boxes, ours), [(everything[0], everything[1], services.policed)])
        found: dict[Wish, list[Box3]] = {}
        if state is ConnState.NEW:
            demands = self._world.demands
            remote = self._world.space.inventory.all & ~local
            narrow = self._allowed_by(judged, local, demands.policies)
            wide = self._allowed_by(judged, local, demands.wide_policies)
            found = {
                Wish.ALLOW: self._allowed_by(narrow, remote, demands.policies),
                Wish.DENY: self._without(judged, wide),
            }
        elif state in (ConnState.ESTABLISHED, ConnState.RELATED):
            found = {Wish.ALLOW: judged}
        for wish, parts in found.items():
            found[wish] = self._without(parts, self._excused(wish, parts, state, path))
        found[Wish.OPEN] = self._without(boxes, [box for parts in found.values() for box in parts])
        return {wish: parts for wish, parts in found.items() if parts}

    def _without(self, boxes: list[Box3], gone: list[Box3]) -> list[Box3]:
        return meet(boxes, complement(gone, self._everything)) if gone else boxes

    def _excused(self, wish: Wish, boxes: list[Box3], state: ConnState, path: Path | None) -> list[Box3]:
        """What the compiler documents that it treats otherwise (ANS-9)."""
        world, local = self._world, self._world.places.local_bits
        kind = Kind.BLOCKED if wish is Wish.ALLOW else Kind.LEAK
        out: list[Box3] = []
        for deviation in world.deviations:
            if deviation.kind is kind and path in deviation.paths:
                where = meet(boxes, world.compiler.boxes(deviation.where, state))
                if deviation.denied_by is not None:
                    allowed = self._allowed_by(where, local, world.demands.narrowest, (deviation.denied_by,))
                    where = self._without(where, allowed)
                out += where
        if world.readings and state is ConnState.NEW and path in FORWARDED:
            read = self._allowed_by(boxes, local, world.readings[""])
            out += read if kind is Kind.LEAK else self._without(boxes, read)
        return out

    def _allowed_by(
        self, boxes: list[Box3], pods: int, policies: Policies, directions: tuple[Direction, ...] = tuple(Direction)
    ) -> list[Box3]:
        """What the policies allow these pods of new connections; in both directions, everything with the node itself."""
        everything = self._everything
        own = self._own if len(directions) > 1 else 0
        with_node = [_at(0, own, everything), _at(1, own, everything)]
        for direction in directions:
            side = 1 if direction is Direction.INGRESS else 0
            kept = meet(boxes, merge([*with_node, _at(side, everything[side] & ~pods, everything)]))
            for cell in cells(pods):
                part = meet(boxes, [_at(side, 1 << cell, everything)])
                if part:
                    kept += meet(part, self._protects(direction, 1 << cell, policies))
            boxes = merge(kept)
        return boxes

    def _protects(self, direction: Direction, bit: int, policies: Policies) -> list[Box3]:
        key = (id(policies), direction, bit)
        found = self._allowed.get(key)
        if found is None:
            everything = self._everything
            ingress = direction is Direction.INGRESS
            nothing = Interfaces((("", -1),))
            scene = Scene(
                f"{direction.value} {bit}",
                everything[0] if ingress else bit,
                bit if ingress else everything[1],
                Axis.SOURCE if ingress else Axis.DESTINATION,
                nothing,
                nothing,
                ConnState.NEW,
                everything[2],
                everything[0],
            )
            region = policies.region(direction, scene)
            found = [
                (cells_, bit, services) if ingress else (bit, cells_, services) for cells_, services in region.items()
            ]
            self._allowed[key] = found
        return found


def _at(side: int, mask: int, everything: Box3) -> Box3:
    return (mask, everything[1], everything[2]) if side == 0 else (everything[0], mask, everything[2])
