"""Where translated packets arrive: per new destination and mark, from whom, and which addresses they were sent to.

Spec: specs/chains/translation.md
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from verifier.model.finding import Endpoint
from verifier.model.origin import Origin
from verifier.model.packet import Packet
from verifier.model.predicate import Range
from verifier.semantics.decode import ServiceBox, inside, service_boxes, simplest_address, simplest_port
from verifier.semantics.line import cells
from verifier.semantics.regions import Region, join, slice_at
from verifier.semantics.services import Services
from verifier.semantics.space import Space
from verifier.semantics.translations import Translated


@dataclass(frozen=True, slots=True)
class Arrival:
    """Packets that come to one address with one mark after a translation by one rule of what was sent to one place.

    Arrivals by one rule of the same packets to the same `destinations` are one, by whatever wire they came: `written` are
    these packets, as (source, service) before the translation. `can` and `sure`, over (source, service after it), tell
    which of them may come and which do.
    """

    cell: int
    mark: int
    line: Origin
    destinations: int
    ports: Range | None
    written: frozenset[tuple[int, int]]
    sent: Translated = field(compare=False)
    can: Region = field(compare=False)
    sure: Region = field(compare=False)

    def endpoints(self, space: Space) -> tuple[Endpoint, ...]:
        """What they were sent to, as the sender wrote it."""
        services = 0
        for mask in self.sent.can.values():
            services |= mask
        ranges = space.addresses.ranges(self.sent.destinations)
        boxes = service_boxes(space.services, services)
        return tuple(sorted({Endpoint(ranges, box.protocols, box.destination_ports) for box in boxes}))

    def original(self, packet: Packet, space: Space) -> tuple[int, int]:
        """The simplest address and port to which this packet may have been sent; raises LookupError where there is none."""
        source = 1 << space.addresses.cell(packet.source)
        for region in (self.sent.sure, self.sent.can):
            for box in service_boxes(space.services, slice_at(region, source)):
                port = self.port(box, packet)
                if port is not None:
                    pods = space.inventory.all
                    return simplest_address(space.addresses, self.sent.destinations, pods), port
        raise LookupError("no rule translates it so")

    def port(self, box: ServiceBox, packet: Packet) -> int | None:
        """The port to which a packet of a box was sent, None where this packet cannot have been one of them."""
        if packet.protocol not in box.protocols or not inside(packet.source_port, box.source_ports):
            return None
        if box.tcp_flags is not None and packet.tcp_flags not in box.tcp_flags:
            return None
        if self.ports is None:
            return packet.destination_port if inside(packet.destination_port, box.destination_ports) else None
        return simplest_port(box.destination_ports)


def arrivals(space: Space, entries: Iterable[Translated]) -> dict[int, list[Arrival]]:
    """All arrivals of some translations, by mark."""
    found: dict[int, list[Arrival]] = {}
    for each in entries:
        for target in each.targets:
            if target.family != space.family:
                continue
            can, sure = (_after(region, target.ports, space.services) for region in (each.can, each.sure))
            for cell in cells(space.address_mask([target.addresses])) if can else ():
                found.setdefault(each.mark, []).append(_arrival(cell, each, target.ports, can, sure))
    return found


def _arrival(cell: int, sent: Translated, ports: Range | None, can: Region, sure: Region) -> Arrival:
    return Arrival(
        cell, sent.mark, sent.rule.origin, sent.destinations, ports, frozenset(sent.can.items()), sent, can, sure
    )


def _after(region: Region, ports: Range | None, services: Services) -> Region:
    """A region with its services as they are after the translation."""
    out: Region = {}
    for sources, mask in region.items():
        changed = services.translated(mask, ports)
        if changed:
            out = join(out, {sources: changed})
    return out
