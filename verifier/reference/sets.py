"""Whether one packet is in a set, by what the set holds.

Spec: specs/chains/sets.md
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from verifier.model.fields import ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE
from verifier.model.ipset import AddressPart, InterfacePart, IpSet, MarkPart, OpaquePart, Part, PortPart, SetMember
from verifier.model.packet import Packet
from verifier.model.predicate import Member
from verifier.reference.addresses import has_type
from verifier.reference.index import SetIndex, index
from verifier.reference.view import View

NOMATCH_KINDS = ("hash:net", "hash:net,net", "hash:net,port", "hash:net,port,net", "hash:net,iface", "hash:ip,port,net")
PORTED = (TCP, UDP, SCTP, UDPLITE)


def is_member(test: Member, packet: Packet, view: View) -> bool | None:
    """Whether the packet is in the set that the test names; None where the dump does not tell."""
    if test.name.startswith("@"):
        address = packet.source if test.directions[0] == "src" else packet.destination
        return has_type(test.name, packet.family, address, view.types)
    found = view.sets.get(test.name) if view.sets is not None else None
    if found is None:
        return None
    if found.content.kind != "list:set":
        return _holds(found, test, packet, view)
    return _any_holds(found, test, packet, view)


def _any_holds(listed: IpSet, test: Member, packet: Packet, view: View) -> bool | None:
    """A list:set asks its members in order; a nomatch hit is only "not in this one"."""
    if listed.content.opaque:
        return None
    assert view.sets is not None
    doubtful = False
    for name in listed.content.lists:
        element = view.sets.get(name)
        if element is None or element.content.kind == "list:set":
            doubtful = True
            continue
        answer = _holds(element, test, packet, view)
        if answer is True:
            return True
        doubtful = doubtful or answer is None
    return None if doubtful else False


def _holds(found: IpSet, test: Member, packet: Packet, view: View) -> bool | None:
    """A set with members of its own; fewer directions than it has dimensions never match, further ones are ignored."""
    content = found.content
    if len(test.directions) < content.dimensions or found.family not in (0, packet.family):
        return False
    if content.opaque or (content.kind == "hash:ip,mark" and "markmask" in found.options):
        return None
    hit, certain = _search(found, test.directions, packet, view)
    if hit is None:
        return False
    wanted = hit.nomatch is test.nomatch if content.kind in NOMATCH_KINDS else True
    return wanted if certain or not wanted else None


def decisive(found: IpSet, directions: tuple[str, ...], packet: Packet, view: View) -> SetMember | None:
    """The member that decides about the packet: the most specific one that fits, None where none fits."""
    if len(directions) < found.content.dimensions or found.family not in (0, packet.family):
        return None
    return _search(found, directions, packet, view)[0]


def _search(found: IpSet, directions: tuple[str, ...], packet: Packet, view: View) -> tuple[SetMember | None, bool]:
    """The first member that fits, in the kernel's order, with whether that is certain."""
    layout = _index_of(found, view)
    ends = tuple(packet.source if directions[place] == "src" else packet.destination for place in layout.positions)
    doubtful: SetMember | None = None
    members = layout.candidates(ends)
    if found.content.kind == "hash:net,iface":
        return _of_longest(members, directions[1], packet)
    for member in members:
        fits = [_fits(part, direction, packet) for part, direction in zip(member.parts, directions, strict=False)]
        if False in fits:
            continue
        if None not in fits:
            return (member, True) if doubtful is None else (doubtful, False)
        doubtful = doubtful or member
    return doubtful, False


def _of_longest(members: Iterable[SetMember], direction: str, packet: Packet) -> tuple[SetMember | None, bool]:
    """The member with the packet's interface among those of the longest network, whatever theirs: the search ends there.

    Bridge ports are none of them, but a network that stands with nothing else may end the search as well (SET-17).
    """
    certain = True
    for _, group in groupby(members, key=_size):
        interfaces = [(member, part) for member in group if isinstance(part := member.parts[1], InterfacePart)]
        named = [(member, part) for member, part in interfaces if not part.physical]
        if named:
            hit = next((member for member, part in named if _fits(part, direction, packet)), None)
            return hit, certain
        certain = False
    return None, True


def _size(member: SetMember) -> int:
    network = member.parts[0]
    assert isinstance(network, AddressPart)
    return network.last - network.first


def _index_of(found: IpSet, view: View) -> SetIndex:
    key = id(found.content)
    if key not in view.indexes:
        view.indexes[key] = index(found.content)
    return view.indexes[key]


def _fits(part: Part, direction: str, packet: Packet) -> bool | None:
    inward = direction == "src"
    match part:
        case AddressPart():
            return part.first <= (packet.source if inward else packet.destination) <= part.last
        case PortPart():
            return _port_fits(part, inward, packet)
        case InterfacePart():
            return part.name == (packet.in_interface if inward else packet.out_interface)
        case MarkPart():
            return part.value == packet.mark
        case OpaquePart():
            return None


def _port_fits(part: PortPart, inward: bool, packet: Packet) -> bool:
    """What a set takes for the port: real ports, type and code of the family's ICMP, else 0."""
    if part.protocol is None and packet.protocol not in (TCP, UDP):
        return False
    if part.protocol is not None and part.protocol != packet.protocol:
        return False
    if packet.protocol in PORTED:
        return part.first <= (packet.source_port if inward else packet.destination_port) <= part.last
    if packet.protocol == (ICMP if packet.family == 4 else ICMPV6):
        return part.first <= packet.icmp <= part.last
    return part.first == 0
