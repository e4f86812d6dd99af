"""Where translated packets arrive: per new destination and mark, from whom, and which addresses they were sent to.

Spec: specs/chains/translation.md
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from verifier.model.finding import Endpoint
from verifier.model.packet import Packet
from verifier.model.predicate import Range
from verifier.semantics.decode import LIKED_PORTS, ServiceBox, service_boxes, simplest_address
from verifier.semantics.line import cells
from verifier.semantics.regions import Region, join, slice_at
from verifier.semantics.services import Services
from verifier.semantics.space import Space
from verifier.semantics.translations import Translated


@dataclass(frozen=True, slots=True)
class Arrival:
    """Packets that come to one address with one mark after a translation.

    `entries` tell where they were sent to; `can` and `sure`, over (source, service after the translation), which of them
    may come and which do.
    """

    cell: int
    mark: int
    entries: tuple[Translated, ...] = field(compare=False)
    can: Region = field(compare=False)
    sure: Region = field(compare=False)

    def endpoints(self, space: Space) -> tuple[Endpoint, ...]:
        """What they were sent to, as the sender wrote it."""
        found: set[Endpoint] = set()
        for each in self.entries:
            services = 0
            for mask in each.can.values():
                services |= mask
            for box in service_boxes(space.services, services):
                found.add(Endpoint(space.addresses.ranges(each.destinations), box.protocols, box.destination_ports))
        return tuple(sorted(found))

    def original(self, packet: Packet, space: Space) -> tuple[int, int]:
        """The simplest address and port to which this packet may have been sent; raises LookupError where there is none."""
        source = 1 << space.addresses.cell(packet.source)
        for certain in (True, False):
            for each in self.entries:
                for box in service_boxes(space.services, slice_at(each.sure if certain else each.can, source)):
                    port = _port(box, packet, _ports(each, packet, space))
                    if port is not None:
                        pods = space.inventory.all
                        return simplest_address(space.addresses, each.destinations, pods), port
        raise LookupError("no rule translates it so")


def _ports(each: Translated, packet: Packet, space: Space) -> Range | None:
    """The ports of the target that led to the packet's destination; raises LookupError where none did."""
    del space
    for target in each.targets:
        first, last = target.addresses
        if first <= packet.destination <= last:
            return target.ports
    raise LookupError("the rule leads elsewhere")


def _port(box: ServiceBox, packet: Packet, ports: Range | None) -> int | None:
    """The port that was written, None where the packet cannot have been of this box."""
    if packet.protocol not in box.protocols or not _inside(packet.source_port, box.source_ports):
        return None
    if box.tcp_flags is not None and packet.tcp_flags not in box.tcp_flags:
        return None
    if ports is None:
        return packet.destination_port if _inside(packet.destination_port, box.destination_ports) else None
    if not ports[0] <= packet.destination_port <= ports[1]:
        return None
    liked = (port for port in LIKED_PORTS if _inside(port, box.destination_ports))
    return next(liked, max(box.destination_ports[0][0], min(1, box.destination_ports[0][1])))


def _inside(value: int, ranges: Iterable[Range]) -> bool:
    return any(low <= value <= high for low, high in ranges)


class Arrivals:
    """All arrivals of some translations, by mark and by the cell of their destination."""

    def __init__(self, space: Space, entries: Iterable[Translated]) -> None:
        self.by_mark: dict[int, dict[int, Arrival]] = {}
        grouped: dict[tuple[int, int], list[tuple[Translated, Range | None]]] = {}
        for each in entries:
            for target in each.targets:
                if target.family == space.family:
                    for cell in cells(space.address_mask([target.addresses])):
                        grouped.setdefault((each.mark, cell), []).append((each, target.ports))
        for (mark, cell), led in grouped.items():
            can: Region = {}
            sure: Region = {}
            for each, ports in led:
                can = join(can, _after(each.can, ports, space.services))
                sure = join(sure, _after(each.sure, ports, space.services))
            entries_ = tuple(dict.fromkeys(id_ for id_, _ in led))
            self.by_mark.setdefault(mark, {})[cell] = Arrival(cell, mark, entries_, can, sure)


def _after(region: Region, ports: Range | None, services: Services) -> Region:
    """A region with its services as they are after the translation."""
    out: Region = {}
    for sources, mask in region.items():
        changed = services.translated(mask, ports)
        if changed:
            out = join(out, {sources: changed})
    return out
