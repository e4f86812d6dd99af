"""The classes of packets that the node's nat table sends on: told apart before the translation, by it, and after it.

Spec: specs/classes.md
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from verifier.model.fields import ConnState, CtStatus
from verifier.model.packet import Packet
from verifier.model.path import HOOKS, Path, before_routing
from verifier.model.representative import Representative
from verifier.questions.arrivals import Arrival, arrivals
from verifier.questions.packets import ordinary, plainest
from verifier.questions.telling import Telling, at
from verifier.questions.translated import UNROUTED
from verifier.semantics.decode import service_boxes, simplest_address
from verifier.semantics.interfaces import UNKNOWN_PORTS, Ports
from verifier.semantics.places import LocalPod, Wire
from verifier.semantics.program import Program
from verifier.semantics.regions import slice_at, within
from verifier.semantics.scene import Axis, Scene
from verifier.semantics.summaries import Summaries
from verifier.semantics.translations import Translations
from verifier.smt.classes import classes
from verifier.smt.formula import Store


@dataclass(frozen=True, slots=True)
class _Way:
    """Packets of a scene that arrive in one way: as they are sent, and as they are after the translation."""

    arrival: Arrival
    before: Scene
    after: Scene


class SentOn:
    """The packets in one state that the node gives another destination, by where they arrive."""

    def __init__(self, telling: Telling, state: ConnState) -> None:
        self._telling = telling
        self._state = state
        self._any = telling.world.translates and state in (ConnState.NEW, ConnState.RELATED)
        self._known: dict[object, list[Arrival]] = {}

    def to(self, local: LocalPod, path: Path, scene: Scene, wire: Wire | None) -> Iterator[Representative]:
        """One packet of every class of those that go the path of a scene of the pod after their translation."""
        for arrival in self._arriving(local, path, scene, wire) if self._any else ():
            yield from self._classes(local, path, self._way(arrival, scene), wire)

    def _arriving(self, local: LocalPod, path: Path, scene: Scene, wire: Wire | None) -> Iterator[Arrival]:
        """What comes from the ends of a scene to its other ends; from a pod, also what comes back to itself."""
        sources, ends = scene.source, scene.destination
        if path is Path.POD_TO_POD and scene.free is Axis.DESTINATION:
            ends |= local.bit
        key = (path is Path.NODE_TO_POD, wire if path is Path.REMOTE_TO_POD else None, sources)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._translated(path, scene)
        for arrival in found:
            if ends >> arrival.cell & 1 and within(arrival.can, sources):
                yield arrival

    def _translated(self, path: Path, scene: Scene) -> list[Arrival]:
        """Everything that the ends of a scene send to other addresses than those that it reaches."""
        world = self._telling.world
        program = Program(world.ruleset, world.compiler, self._state)
        hooks = before_routing(program.path(HOOKS[path]))[0]
        found = Translations(program, Summaries(program, Store()), hooks)
        if scene.source:
            found.add(self._sent(scene, world.places.reachable), 0)
        return [each for arriving in arrivals(world.space, found.entries).values() for each in arriving]

    def _sent(self, scene: Scene, destinations: int) -> Scene:
        """The packets of a scene as their senders write them to some destinations, before they are routed."""
        ports = Ports(scene.ports.coming, UNKNOWN_PORTS.leaving, Axis.SOURCE)
        sent = replace(scene, destination=destinations, free=Axis.SOURCE, real=scene.source, ports=ports)
        return replace(sent, name="sent", outgoing=UNROUTED)

    def _way(self, arrival: Arrival, scene: Scene) -> _Way:
        services = 0
        for mask in within(arrival.can, scene.source).values():
            services |= mask
        after = replace(scene, services=services)
        if scene.free is Axis.DESTINATION:
            after = at(after, 1 << arrival.cell)
        return _Way(arrival, self._sent(scene, arrival.sent.destinations), after)

    def _classes(self, local: LocalPod, path: Path, way: _Way, wire: Wire | None) -> Iterator[Representative]:
        """The classes of senders, and of each of them the classes of services as they were sent, and as they arrive."""
        arrival, telling = way.arrival, self._telling
        first, then = before_routing(HOOKS[path])
        ends = telling.by_rules(first, way.before)[0].ends | set(arrival.can) | set(arrival.sent.can)
        if way.after.free is Axis.SOURCE:
            ends |= telling.by_rules(then, way.after, arrival.mark)[0].ends | telling.by_policies(way.after)[0]
        for cells, _ in classes(sorted(ends), way.before.source):
            sent, arriving = slice_at(arrival.sent.can, cells), slice_at(arrival.can, cells)
            if not arriving:
                continue
            before = at(way.before, cells)
            after = at(way.after, cells) if way.after.free is Axis.SOURCE else way.after
            written = telling.by_rules(first, before)[0].services
            told = telling.by_rules(then, after, arrival.mark)[0].services | telling.by_policies(after)[1]
            for services, _ in classes(sorted(written), sent):
                reached = telling.world.space.services.translated(services, arrival.ports) & arriving
                for alike, _ in classes(sorted(told), reached):
                    packet = self._packet(path, after, alike, wire)
                    yield Representative(local.name, path, self._as_sent(packet, arrival, services))

    def _packet(self, path: Path, after: Scene, services: int, wire: Wire | None) -> Packet:
        world = self._telling.world
        box = ordinary(world, services, self._state)
        return plainest(world, path, (after.source, after.destination), box, wire, self._state)

    def _as_sent(self, packet: Packet, arrival: Arrival, services: int) -> Packet:
        """The packet with the address and the port, of those of one class, to which it was sent."""
        space = self._telling.world.space
        address = simplest_address(space.addresses, arrival.sent.destinations, space.inventory.all)
        ports = (arrival.port(box, packet) for box in service_boxes(space.services, services))
        port = next(each for each in ports if each is not None)
        return replace(packet, original=(address, port), ct_status=packet.ct_status | CtStatus.DNAT)
