"""Differing boxes of cells become differences in the user's terms, each with its simplest packet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from verifier.model.fields import ConnState, CtStatus
from verifier.model.finding import Box, Difference, Kind
from verifier.model.packet import FREE_INTERFACE, FREE_PORT, Packet
from verifier.model.path import Path
from verifier.questions.ledger import Circumstance, Ledger
from verifier.questions.world import World
from verifier.semantics.atoms import Beginning, Name
from verifier.semantics.boxes import Box3
from verifier.semantics.decode import ServiceBox, service_boxes, simplest_address, simplest_service
from verifier.semantics.interfaces import leaving
from verifier.semantics.places import Wire

PODS_AT = {
    Path.REMOTE_TO_POD: (1,),
    Path.NODE_TO_POD: (1,),
    Path.POD_TO_REMOTE: (0,),
    Path.POD_TO_NODE: (0,),
    Path.POD_TO_POD: (0, 1),
}


def differences(world: World, ledger: Ledger) -> list[Difference]:
    """All differences of a family, boxes of pods that differ alike taken together unless they are told apart."""
    alike: dict[tuple[Kind, Path, object, Box3], list[Circumstance]] = {}
    for (circumstance, group), boxes in ledger.differing.items():
        ends = _others(circumstance.path, group) if world.apart else PODS_AT[circumstance.path]
        for box in _gathered(ends, boxes):
            key = (circumstance.kind, circumstance.path, (group, circumstance.arrival), box)
            alike.setdefault(key, []).append(circumstance)
    return [
        _difference(world, kind, path, box, services, together)
        for (kind, path, _, box), circumstances in alike.items()
        for together in _products(circumstances)
        for services in service_boxes(world.space.services, box[2])
    ]


def _others(path: Path, group: object) -> tuple[int, ...]:
    """The pods' ends without the one whose policies a difference breaks."""
    if path is not Path.POD_TO_POD:
        return ()
    return (0,) if isinstance(group, tuple) and group[1] else (1,)


def _products(circumstances: list[Circumstance]) -> list[list[Circumstance]]:
    """Circumstances whose states and wires are a product: the states that differ on the same wires."""
    by_states: dict[tuple[ConnState, ...], list[Circumstance]] = {}
    for at in circumstances:
        by_states.setdefault(at.states, []).append(at)
    by_wires: dict[frozenset[Wire | None], list[Circumstance]] = {}
    for each in by_states.values():
        by_wires.setdefault(frozenset(at.wire for at in each), []).extend(each)
    return list(by_wires.values())


def _gathered(ends: tuple[int, ...], boxes: list[Box3]) -> Iterator[Box3]:
    """Boxes whose other two sides agree become one, at each of these ends."""
    current = boxes
    for side in ends:
        grouped: dict[tuple[int, int], int] = {}
        for box in current:
            key = (box[1 - side], box[2])
            grouped[key] = grouped.get(key, 0) | box[side]
        current = [
            (mask, other, service) if side == 0 else (other, mask, service)
            for (other, service), mask in grouped.items()
        ]
    yield from current


def _difference(
    world: World, kind: Kind, path: Path, box: Box3, services: ServiceBox, circumstances: list[Circumstance]
) -> Difference:
    states = tuple(sorted({state for at in circumstances for state in at.states}))
    differing = {at.wire for at in circumstances if at.wire}
    far = box[0] if path is Path.REMOTE_TO_POD else box[1]
    everywhere = all(wire in differing for wire in world.places.wires if wire.remote & far)
    wires = tuple(sorted(name for wire in differing for name in wire.alike))
    incoming = wires if path is Path.REMOTE_TO_POD and not everywhere else ()
    outgoing = wires if path is Path.POD_TO_REMOTE and not everywhere else ()
    line = world.space.addresses
    made = Box(
        source=line.ranges(box[0]),
        destination=line.ranges(box[1]),
        protocols=None if len(services.protocols) == 256 else services.protocols,
        source_ports=services.source_ports,
        destination_ports=services.destination_ports,
        icmp=services.icmp,
        states=states,
        tcp_flags=services.tcp_flags,
        in_interfaces=incoming,
        out_interfaces=outgoing,
        ct_status=None if _implied(world, states) else services.ct_status,
        through=circumstances[0].arrival.endpoints(world.space) if circumstances[0].arrival else (),
    )
    pods = tuple(p.pod.full_name for p in world.places.pods if any(p.bit & box[side] for side in PODS_AT[path]))
    return Difference(
        kind, path, world.family, pods, (made,), _packet(world, path, box, services, circumstances[0], states[0])
    )


def _implied(world: World, states: tuple[ConnState, ...]) -> bool:
    """Whether it is known what is translated of a packet: new, it is what this node has translated, and no more."""
    return states == (ConnState.NEW,) and world.translation_known


def _packet(world: World, path: Path, box: Box3, services: ServiceBox, at: Circumstance, state: ConnState) -> Packet:
    pods = world.space.inventory.all
    source = simplest_address(world.space.addresses, box[0], pods)
    destination = simplest_address(world.space.addresses, _apart(box, source, world), pods)
    service = simplest_service(services, state)
    phys_in, phys_out = _ports(world, path, source, destination, at.wire)
    packet = Packet(
        family=world.family,
        source=source,
        destination=destination,
        protocol=service.protocol,
        source_port=service.source_port,
        destination_port=service.destination_port,
        icmp=service.icmp,
        tcp_flags=service.tcp_flags,
        state=state,
        ct_status=service.ct_status,
        mark=at.mark & 0xFFFFFFFF,
        connmark=at.mark >> 32,
        in_interface=_interface(world, path, source, at.wire, Path.NODE_TO_POD, Path.REMOTE_TO_POD),
        out_interface=_interface(world, path, destination, at.wire, Path.POD_TO_NODE, Path.POD_TO_REMOTE),
        phys_in=phys_in,
        phys_out=phys_out,
        bridged=1 if phys_out else 0,
    )
    if at.arrival is None:
        return packet
    status = service.ct_status | CtStatus.DNAT
    return replace(packet, ct_status=status, original=at.arrival.original(packet, world.space))


def _apart(box: Box3, source: int, world: World) -> int:
    """The destinations of a box without its source: a pod to itself is in no difference."""
    rest = box[1] & ~(1 << world.space.addresses.cell(source))
    return rest or box[1]


def _ports(world: World, path: Path, source: int, destination: int, wire: Wire | None) -> tuple[str, str]:
    """The bridge ports by which the packet comes and leaves; "" also for what is not known."""
    if path is Path.NODE_TO_POD:
        return "", ""
    ports = {local.address: local.port for local in world.places.pods}
    far = wire.port if wire else ""
    coming = far if path is Path.REMOTE_TO_POD else ports[source]
    going = "" if path is Path.POD_TO_NODE else far if path is Path.POD_TO_REMOTE else ports[destination]
    return _spelled(coming), _spelled(leaving(coming, going))


def _spelled(name: Name) -> str:
    """A port as a packet carries it: nothing where it is not known, a name that no rule can ask for where its beginning is."""
    if isinstance(name, Beginning):
        return name.text + FREE_PORT
    return name if isinstance(name, str) else ""


def _interface(world: World, path: Path, address: int, wire: Wire | None, none: Path, remote: Path) -> str:
    if path is none:
        return ""
    if path is remote:
        return wire.interface if wire else ""
    device = next((p.device for p in world.places.pods if p.address == address), None)
    return device if device is not None else FREE_INTERFACE
