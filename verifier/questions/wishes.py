"""What the policies want of boxes of packets between ends that can be there.

Spec: specs/questions/explain.md
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from verifier.model.counters import Wish
from verifier.model.fields import ConnState
from verifier.model.path import Path
from verifier.model.policy import Direction
from verifier.questions.world import World
from verifier.semantics.atoms import Name, NameTest
from verifier.semantics.boxes import Box3, complement, meet, merge
from verifier.semantics.interfaces import Interfaces
from verifier.semantics.line import cells
from verifier.semantics.scene import Axis, Scene

PATHS = {
    ("pod", "pod"): Path.POD_TO_POD,
    ("pod", "remote"): Path.POD_TO_REMOTE,
    ("remote", "pod"): Path.REMOTE_TO_POD,
    ("node", "pod"): Path.NODE_TO_POD,
    ("pod", "node"): Path.POD_TO_NODE,
}


class Ends:
    """The ends of a node's packets, with their interfaces and the policies that protect them."""

    def __init__(self, world: World) -> None:
        self._world = world
        places = world.places
        self._local: list[tuple[Name, int]] = list(places.devices.items())
        self._remote: list[tuple[Name, int]] = [(wire.interface, wire.remote) for wire in places.wires]
        self._own = places.own
        self._allowed: dict[tuple[Direction, int], list[Box3]] = {}

    def possible(self, boxes: list[Box3], names: Iterable[NameTest], hook: str) -> dict[Path | None, list[Box3]]:
        """The packets whose ends are where their interfaces say (U-31), by path; `hook` is the built-in chain."""
        tests = tuple(names)
        everything = self._world.space.everything
        node: list[tuple[Name, int]] = [("", self._own)]
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
            for (entry, source), (leave, destination) in product(incoming, outgoing):
                there = {True: "" if hook == "PREROUTING" else leave, False: "" if hook == "POSTROUTING" else entry}
                if all(test.port or test.decide(there[test.outgoing]) is not False for test in tests):
                    met = meet(boxes, [(source, destination, everything[2])])
                    out.setdefault(PATHS.get((from_, to)), []).extend(met)
        return {path: kept for path, found in out.items() if (kept := merge(self._apart(found)))}

    def _apart(self, boxes: list[Box3]) -> list[Box3]:
        """Without packets from a pod to itself, of which nothing is asked (U-34)."""
        everything = self._world.space.everything
        for pod in self._world.places.pods:
            if any(box[0] & pod.bit and box[1] & pod.bit for box in boxes):
                boxes = meet(boxes, complement([(pod.bit, pod.bit, everything[2])], everything))
        return boxes

    def wishes(self, boxes: list[Box3], state: ConnState) -> dict[Wish, list[Box3]]:
        """The boxes by what the policies want of them; of packets without a local pod at either end, nothing."""
        services = self._world.space.services
        everything = self._world.space.everything
        local = self._world.places.local_bits
        ours = [_at(0, local, everything), _at(1, local, everything)]
        judged = meet(meet(boxes, ours), [(everything[0], everything[1], services.policed)])
        if state in (ConnState.INVALID, ConnState.UNTRACKED):
            found: dict[Wish, list[Box3]] = {}
        elif state is not ConnState.NEW:
            found = {Wish.ALLOW: judged}
        else:
            by_ours = self._allowed_by(judged, local)
            allowed = self._allowed_by(by_ours, self._world.space.inventory.all & ~local)
            found = {Wish.ALLOW: allowed, Wish.DENY: meet(judged, complement(by_ours, everything))}
        told = [box for parts in found.values() for box in parts]
        found[Wish.OPEN] = meet(boxes, complement(told, everything))
        return {wish: parts for wish, parts in found.items() if parts}

    def _allowed_by(self, boxes: list[Box3], pods: int) -> list[Box3]:
        """What the policies of these pods allow of new connections; with the node itself, everything."""
        everything = self._world.space.everything
        with_node = [_at(0, self._own, everything), _at(1, self._own, everything)]
        for side, direction in ((0, Direction.EGRESS), (1, Direction.INGRESS)):
            kept = meet(boxes, merge([*with_node, _at(side, everything[side] & ~pods, everything)]))
            for cell in cells(pods):
                part = meet(boxes, [_at(side, 1 << cell, everything)])
                if part:
                    kept += meet(part, self._protects(direction, 1 << cell))
            boxes = merge(kept)
        return boxes

    def _protects(self, direction: Direction, bit: int) -> list[Box3]:
        found = self._allowed.get((direction, bit))
        if found is None:
            everything = self._world.space.everything
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
            region = self._world.policies.region(direction, scene)
            found = [
                (cells, bit, services) if ingress else (bit, cells, services) for cells, services in region.items()
            ]
            self._allowed[direction, bit] = found
        return found


def _at(side: int, mask: int, everything: Box3) -> Box3:
    return (mask, everything[1], everything[2]) if side == 0 else (everything[0], mask, everything[2])
