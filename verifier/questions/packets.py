"""The plainest packet between two ends of a path, with the interfaces and bridge ports that it comes and leaves by.

Spec: specs/universe.md
"""

from __future__ import annotations

from dataclasses import replace

from verifier.model.fields import ICMP, ICMPV6, SCTP, TCP, UDP, ConnState
from verifier.model.packet import FREE_INTERFACE, FREE_PORT, Packet
from verifier.model.path import Path
from verifier.questions.world import World
from verifier.semantics.atoms import Beginning, Name
from verifier.semantics.decode import ServiceBox, service_boxes, simplest_address, simplest_service
from verifier.semantics.interfaces import leaving
from verifier.semantics.places import Wire

OSPF = 89
ORDINARY = {4: (TCP, UDP, SCTP, ICMP, OSPF), 6: (TCP, UDP, SCTP, ICMPV6, OSPF)}
"""The protocols that stand for others: none that is an extension header of IPv6, or the other family's."""


def ordinary(world: World, services: int, state: ConnState) -> ServiceBox:
    """The box of some services with the most ordinary protocol among them, and no other.

    What is related to a connection is an error message about it, unless something tells these apart from the rest.
    """
    boxes = service_boxes(world.space.services, services)
    known = ORDINARY[world.family]
    for protocol in (known[3], *known) if state is ConnState.RELATED else known:
        for box in boxes:
            if protocol in box.protocols:
                return replace(box, protocols=(protocol,))
    return boxes[0]


def plainest(
    world: World, path: Path, ends: tuple[int, int], box: ServiceBox, wire: Wire | None, state: ConnState
) -> Packet:
    """The plainest packet from one to the other of two sets of cells, with mark 0.

    `wire` leads to the remote end, None on paths that have none. A pod's address is preferred to another; what
    nothing tells of an interface or a port has a name that no rule can ask for.
    """
    pods = world.space.inventory.all
    source = simplest_address(world.space.addresses, ends[0], pods)
    destination = simplest_address(world.space.addresses, _apart(ends[1], source, world), pods)
    service = simplest_service(box, state)
    phys_in, phys_out = _ports(world, path, source, destination, wire)
    return Packet(
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
        in_interface=_interface(world, path, source, wire, Path.NODE_TO_POD, Path.REMOTE_TO_POD),
        out_interface=_interface(world, path, destination, wire, Path.POD_TO_NODE, Path.POD_TO_REMOTE),
        phys_in=phys_in,
        phys_out=phys_out,
        bridged=1 if phys_out else 0,
    )


def _apart(destinations: int, source: int, world: World) -> int:
    """The destinations without the source, where there are others: a pod to itself is in no difference."""
    rest = destinations & ~(1 << world.space.addresses.cell(source))
    return rest or destinations


def _ports(world: World, path: Path, source: int, destination: int, wire: Wire | None) -> tuple[str, str]:
    """The bridge ports by which the packet comes and leaves; "" also for what is not known."""
    if path is Path.NODE_TO_POD:
        return "", ""
    pods = world.places.by_address
    far = wire.port if wire else ""
    coming = far if path is Path.REMOTE_TO_POD else pods[source].port
    going = "" if path is Path.POD_TO_NODE else far if path is Path.POD_TO_REMOTE else pods[destination].port
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
    local = world.places.by_address.get(address)
    return local.device if local is not None and local.device is not None else FREE_INTERFACE
