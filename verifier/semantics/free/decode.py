"""Boxes and points of free packets in the terms of the model.

Spec: specs/questions/layer.md
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from verifier.model.addresses import networks, parse_address, subtract, whole
from verifier.model.fields import NAMESPACE_NAME, TCP, ConnState, End, Scope
from verifier.model.layer import Asked, FreeBox, FreeEnd, FreeService, Imagined, ImaginedPacket, NamedPort, Values
from verifier.model.predicate import PortNamed, Range
from verifier.semantics.decode import ServiceBox, inside, service_boxes, simplest_address, simplest_service
from verifier.semantics.free.space import ADDRESS, FAMILIES, PORT_NAME, SERVICE, FreeSpace, LabelField, is_name
from verifier.semantics.line import cells
from verifier.smt.boxes import Found
from verifier.smt.formula import Literal

LIKED = {
    End.SOURCE: (parse_address("10.0.0.2"), parse_address("fd00::2")),
    End.DESTINATION: (parse_address("10.0.0.3"), parse_address("fd00::3")),
}
"""The addresses that imaginable ends have where nothing says otherwise."""

LIKED_PORT = 80
NAME = Scope.NAMESPACE, NAMESPACE_NAME


def fields(space: FreeSpace) -> list[str]:
    """The order in which fields are freed where either of two could be: what is last stays in a region."""
    kinds = [ADDRESS[End.SOURCE], ADDRESS[End.DESTINATION], SERVICE]
    labels = sorted(space.labels.values(), key=lambda each: (is_name(each.label), each.label.scope is Scope.NAMESPACE))
    return [*kinds, *(each.kind for each in labels)]


def preferred(space: FreeSpace, kind: str) -> Sequence[int]:
    """The cells of a field that make the simplest packet: no label, a usual address, TCP port 80."""
    if kind == SERVICE:
        usual = cells(space.services.protocols([(TCP, TCP)]))
        liked = (cell for cell in usual if _is_liked(service_boxes(space.services, 1 << cell)[0]))
        return [cell for cell in liked if space.world[SERVICE] >> cell & 1]
    for end, known in ADDRESS.items():
        if kind == known:
            return [space.lines[family].cell(address) + space.offset(family) for family, address in LIKED[end]]
    return [0]


def _is_liked(box: ServiceBox) -> bool:
    return TCP in box.protocols and inside(LIKED_PORT, box.destination_ports)


def box_of(space: FreeSpace, found: Found) -> FreeBox:
    """A box in the terms of the model."""
    return FreeBox(
        _end(space, found.box, End.SOURCE),
        _end(space, found.box, End.DESTINATION),
        _services(space, found.box[SERVICE]) if SERVICE in found.box else None,
        tuple(_named(space, found.truths)),
    )


def _end(space: FreeSpace, box: Mapping[str, int], end: End) -> FreeEnd:
    """One end, whose namespace is not said to be perhaps none where a label has to be there."""
    labels = {
        (label.scope, label.key): _values(known, box[known.kind])
        for label, known in space.labels.items()
        if label.end is end and known.kind in box
    }
    name = labels.get(NAME)
    if name is not None and any(not values.absent for key, values in labels.items() if key != NAME):
        labels[NAME] = replace(name, absent=False)
    kind = ADDRESS[end]
    addresses = tuple(_ranges(space, box[kind], kind)) if kind in box else None
    return FreeEnd(tuple((*key, values) for key, values in labels.items()), addresses)


def _values(known: LabelField, mask: int) -> Values:
    """The values of a box, of those that a label can have."""
    possible = [(value, mask >> n & 1) for n, value in enumerate(known.values, 1) if known.possible >> n & 1]
    others = [(each.passed, mask >> n & 1) for n, each in enumerate(known.others, 1 + len(known.values))]
    some = [passed for passed, inside in others if inside]
    return Values(
        bool(mask & 1),
        tuple(value for value, inside in possible if inside),
        bool(some),
        tuple(value for value, inside in possible if not inside),
        ()
        if len(some) in (0, len(others))
        else tuple(_covering(some, [each for each, inside in others if not inside])),
    )


def _covering(some: list[frozenset[Asked]], others: list[frozenset[Asked]]) -> Iterator[tuple[tuple[Asked, bool], ...]]:
    """Conjunctions of tests, as short as can be, that have all of some classes and none of the others."""
    tests = sorted(set().union(*some, *others), key=lambda each: (each.test.value, each.text))
    left = list(some)
    while left:
        wanted = {test: test in left[0] for test in tests}
        for test in tests:
            fewer = {each: value for each, value in wanted.items() if each is not test}
            if not any(all((each in one) is value for each, value in fewer.items()) for one in others):
                wanted = fewer
        yield tuple(wanted.items())
        left = [one for one in left if not all((each in one) is value for each, value in wanted.items())]


def _ranges(space: FreeSpace, mask: int, kind: str) -> Iterator[tuple[int, tuple[Range, ...]]]:
    """Addresses by family, with those that no packet has where they are told more shortly so."""
    for family in FAMILIES:
        line = space.lines[family]
        own, never = (cells >> space.offset(family) & line.all for cells in (mask, ~space.world[kind]))
        if own:
            yield (
                family,
                min((line.ranges(each) for each in (own, own | never)), key=lambda spans: _length(family, spans)),
            )


def _length(family: int, spans: tuple[Range, ...]) -> int:
    return min(len(networks(family, spans)), len(networks(family, subtract(whole(family), spans))) + 1)


def _services(space: FreeSpace, mask: int) -> tuple[FreeService, ...]:
    return tuple(
        FreeService(each.protocols, each.destination_ports, each.source_ports, each.icmp)
        for each in service_boxes(space.services, mask & space.world[SERVICE])
    )


def _named(space: FreeSpace, truths: Mapping[Literal, bool]) -> Iterator[NamedPort]:
    for literal, value in truths.items():
        kind, payload = space.store.nodes[literal >> 1]
        if kind == PORT_NAME:
            assert isinstance(payload, PortNamed)
            yield NamedPort(payload.end, payload.protocol, payload.name, payload.declared, value)


def packet_of(space: FreeSpace, found: Found) -> ImaginedPacket:
    """The simplest packet of a box."""
    services = found.point.get(SERVICE, space.world[SERVICE])
    names = tuple(_named(space, found.values))
    boxes = service_boxes(space.services, services)
    service = simplest_service(min(boxes, key=lambda box: (not _is_liked(box), box.protocols)), ConnState.NEW)
    family = _family(space, found.point)
    source = _address(space, found.point, End.SOURCE, family, None)
    destination = _address(space, found.point, End.DESTINATION, family, source)
    return ImaginedPacket(
        Imagined(family, source, _labels(space, found.point, End.SOURCE)),
        Imagined(family, destination, _labels(space, found.point, End.DESTINATION)),
        service.protocol,
        service.destination_port,
        service.source_port,
        service.icmp,
        tuple(each for each in names if each.holds),
    )


def _family(space: FreeSpace, point: Mapping[str, int]) -> int:
    """The family of both ends: IPv4 where the point leaves it open."""
    four = space.lines[4].all
    return 4 if all(point.get(kind, four) & four for kind in ADDRESS.values()) else 6


def _address(space: FreeSpace, point: Mapping[str, int], end: End, family: int, taken: int | None) -> int:
    line = space.lines[family]
    kind = ADDRESS[end]
    mask = point.get(kind, space.world[kind]) >> space.offset(family) & line.all
    liked = [address for each, address in LIKED[end] if each == family]
    for address in (*liked, simplest_address(line, mask, 0)):
        if mask >> line.cell(address) & 1 and address != taken:
            return address
    return next(a for first, last in line.ranges(mask) for a in (first, first + 1, last) if a <= last and a != taken)


def _labels(space: FreeSpace, point: Mapping[str, int], end: End) -> dict[tuple[Scope, str], str] | None:
    """The labels of an end; of several namespaces that no policy names, each end has its own."""
    name = space.labels[next(label for label in space.labels if is_name(label) and label.end is end)]
    if point.get(name.kind, 1) & 1:
        return None
    found: dict[tuple[Scope, str], str] = {}
    for label, known in space.labels.items():
        if label.end is not end:
            continue
        cell = next(iter(cells(point.get(known.kind, 1))))
        if cell and not (is_name(label) and label.scope is Scope.SERVICE_ACCOUNT and not space.accounts):
            found[label.scope, label.key] = _text(known, cell)
    return found


def _text(known: LabelField, cell: int) -> str:
    """The value of a cell; for any other value, one that no selector names."""
    if cell <= len(known.values):
        return known.values[cell - 1]
    samples = known.others[cell - 1 - len(known.values)].samples
    if samples:
        apart = is_name(known.label) and known.label.end is End.DESTINATION
        return samples[-1] if apart else samples[0]
    base = (
        f"{known.label.end.value}-namespace"
        if known.label.scope is Scope.NAMESPACE and is_name(known.label)
        else "other"
    )
    number = 0
    while (text := f"{base}{number or ''}") in known.values:
        number += 1
    return text
