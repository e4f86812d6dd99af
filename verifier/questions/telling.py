"""What tells the packets of a scene apart: the rules on their way, and the policies that decide about them.

Spec: specs/classes.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from verifier.model.fields import ConnState, Field
from verifier.model.path import Path
from verifier.model.policy import Direction
from verifier.questions.world import World
from verifier.semantics.distinctions import Distinctions, EveryRule
from verifier.semantics.interfaces import NO_INTERFACE, NO_PORTS, Interfaces, Ports
from verifier.semantics.places import LocalPod, Wire, pair_ports
from verifier.semantics.program import ChainKey
from verifier.semantics.regions import Region
from verifier.semantics.scene import Axis, Scene


class Telling:
    """The packets of one family of a node, and what tells them apart."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._programs: dict[ConnState, EveryRule] = {}

    def program(self, state: ConnState) -> EveryRule:
        """Every rule, for packets in one state."""
        found = self._programs.get(state)
        if found is None:
            found = self._programs[state] = EveryRule(self.world.ruleset, self.world.compiler, state)
        return found

    def by_rules(self, hooks: Iterable[ChainKey], scene: Scene, mark: int = 0) -> tuple[Distinctions, Region]:
        """What the rules of some hooks tell apart, and the packets that no rule there sends elsewhere."""
        told = Distinctions(self.program(scene.state))
        return told, told.stays(hooks, scene, mark)

    def by_policies(self, scene: Scene) -> tuple[set[int], set[int]]:
        """(ends, services) that the policies of both ends tell apart, where they decide: among new connections."""
        ends: set[int] = set()
        services: set[int] = set()
        if scene.state is not ConnState.NEW:
            return ends, services
        demands = self.world.demands
        for policies in dict.fromkeys((demands.policies, demands.wide_policies)):
            for direction in Direction:
                for cells, mask in policies.distinctions(direction, scene):
                    ends.add(cells)
                    services.add(mask)
        services.add(self.world.space.services.policed)
        return ends, services

    def possible(self, state: ConnState) -> int:
        """The services that can have a state; what is translated of a new connection, this node has translated."""
        services = self.world.space.services
        possible = services.feasible(state)
        if state is ConnState.NEW and self.world.translation_known:
            possible &= services.within(Field.CT_STATUS, ((0, 0),))
        return possible

    def scenes(self, local: LocalPod, path: Path, state: ConnState) -> Iterator[tuple[Scene, Wire | None]]:
        """All packets of a pod on a path in one state: remote ends by the wire that leads to them, pods by direction."""
        places, services = self.world.places, self.possible(state)
        device = Interfaces(((local.device, -1),), local.name)

        def scene(
            source: int, destination: int, free: Axis, incoming: Interfaces, outgoing: Interfaces, ports: Ports
        ) -> Scene:
            real = source if free is Axis.SOURCE else destination
            return Scene(path.value, source, destination, free, incoming, outgoing, state, services, real, ports)

        match path:
            case Path.REMOTE_TO_POD:
                for wire in places.wires:
                    far, ports = Interfaces(((wire.interface, -1),)), pair_ports(wire.port, local.port)
                    yield scene(wire.remote, local.bit, Axis.SOURCE, far, device, ports), wire
            case Path.POD_TO_REMOTE:
                for wire in places.wires:
                    far, ports = Interfaces(((wire.interface, -1),)), pair_ports(local.port, wire.port)
                    yield scene(local.bit, wire.remote, Axis.DESTINATION, device, far, ports), wire
            case Path.POD_TO_POD:
                around, others = places.around(places.wires[0]), places.local_bits & ~local.bit
                coming, going = around.reaching(local), around.reached_from(local)
                yield scene(others, local.bit, Axis.SOURCE, around.interfaces, device, coming), None
                yield scene(local.bit, others, Axis.DESTINATION, device, around.interfaces, going), None
            case Path.NODE_TO_POD:
                yield scene(places.own, local.bit, Axis.SOURCE, NO_INTERFACE, device, NO_PORTS), None
            case Path.POD_TO_NODE:
                ports = Ports(Interfaces(((local.port, -1),)), NO_INTERFACE)
                yield scene(local.bit, places.own, Axis.DESTINATION, device, NO_INTERFACE, ports), None


def at(scene: Scene, cells: int) -> Scene:
    """The packets of a scene with these cells as its free end."""
    if scene.free is Axis.SOURCE:
        return replace(scene, source=cells, real=cells)
    return replace(scene, destination=cells, real=cells)
