"""Differing boxes of cells become differences in the user's terms, each with its simplest packet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from verifier.model.fields import ConnState, CtStatus
from verifier.model.finding import Box, Difference, Kind
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.predicate import Range
from verifier.questions.ledger import Circumstance, Ledger
from verifier.questions.packets import plainest
from verifier.questions.world import World
from verifier.semantics.boxes import Box3
from verifier.semantics.decode import ServiceBox, service_boxes
from verifier.semantics.inhabited import Inhabited
from verifier.semantics.line import Line
from verifier.semantics.places import Wire

EXAMPLES = 3
"""How many of the pods that can be anywhere a difference names."""

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
    packet = _packet(world, path, box, services, circumstances[0], states[0])
    return Difference(kind, path, world.family, pods, (made,), packet, _anywhere(line, box[0] | box[1]))


def _anywhere(line: Line, ends: int) -> tuple[tuple[int, tuple[Range, ...]], ...]:
    if not isinstance(line, Inhabited):
        return ()
    return tuple(islice(line.held(ends), EXAMPLES))


def _implied(world: World, states: tuple[ConnState, ...]) -> bool:
    """Whether it is known what is translated of a packet: new, it is what this node has translated, and no more."""
    return states == (ConnState.NEW,) and world.translation_known


def _packet(world: World, path: Path, box: Box3, services: ServiceBox, at: Circumstance, state: ConnState) -> Packet:
    packet = plainest(world, path, box[:2], services, at.wire, state)
    packet = replace(packet, mark=at.mark & 0xFFFFFFFF, connmark=at.mark >> 32)
    if at.arrival is None:
        return packet
    status = packet.ct_status | CtStatus.DNAT
    return replace(packet, ct_status=status, original=at.arrival.original(packet, world.space))
