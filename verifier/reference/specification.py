"""What must become of one packet on its path: allowed, denied, or left unspecified.

Spec: specs/policies/network_policy.md, specs/assumptions.md, specs/universe.md
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from verifier.model.assumption import SERVICE_ADDRESSES, SERVICE_HAIRPIN, Setting, chosen
from verifier.model.effect import Verdict
from verifier.model.fields import POLICED_PROTOCOLS, ConnState
from verifier.model.finding import Kind
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.policy import Direction
from verifier.model.profile import Deviation, reading
from verifier.model.trace import Expectation, PolicyTrace
from verifier.reference.addresses import has_type
from verifier.reference.policies import Counting, judge, perhaps, surely
from verifier.reference.predicates import holds
from verifier.reference.undefined import ANSWERING, NODE_PATHS, VERDICTS, administered, undefined
from verifier.reference.view import View

SERVED_PATHS = (Path.POD_TO_REMOTE, Path.POD_TO_NODE)
NEVER_FORWARDED = {
    4: ((0, 0), (0x7F000000, 0x7FFFFFFF), (0xE0000000, 0xEFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF)),
    6: ((0, 1), (0xFE80 << 112, (0xFEC0 << 112) - 1), (0xFF << 120, (1 << 128) - 1)),
}
"""Unspecified, loopback, multicast, the limited broadcast address, and link-local in IPv6 (U-30)."""


def expectation(packet: Packet, path: Path, view: View, settings: Mapping[str, Setting]) -> Expectation:
    """What the specification asks; `settings` as in model.assumption, whatever is absent at its default."""
    stranger = misplaced(packet, path, view)
    if stranger:
        return Expectation(None, stranger)
    itself = path is Path.POD_TO_POD and packet.source == packet.destination
    if itself and packet.state is ConnState.RELATED and chosen(settings, SERVICE_HAIRPIN) is not Setting.ALLOW:
        because = "what belongs to a connection of a pod to itself passes only where that must pass"
        return Expectation(None, because, SERVICE_HAIRPIN)
    decided = undefined(packet, path, view, settings)
    if decided is not None:
        return decided
    ingress, egress = (judge(packet, view.cluster, each, view, surely(settings)) for each in Direction)
    if itself:
        return _assumed(SERVICE_HAIRPIN, settings, ingress, egress)
    near = ingress if path is Path.NODE_TO_POD else egress
    if path in NODE_PATHS and administered(near) and not near.allowed:
        because = "a policy of an administrator may deny it, and whether that counts on a node itself is left open"
        expected = Expectation(None, because, "", ingress, egress)
    elif path in NODE_PATHS:
        because = "a node and its own pods can always reach each other"
        expected = Expectation(Verdict.ACCEPT, because, "", ingress, egress)
    else:
        expected = _by_policies(packet, path, view, settings, {Direction.EGRESS: egress, Direction.INGRESS: ingress})
    if expected.must is Verdict.ACCEPT and path in SERVED_PATHS and _unserved(packet, view):
        return _assumed(SERVICE_ADDRESSES, settings, ingress, egress)
    return expected


def _assumed(name: str, settings: Mapping[str, Setting], ingress: PolicyTrace, egress: PolicyTrace) -> Expectation:
    setting = chosen(settings, name)
    return Expectation(VERDICTS[setting], f"assumption {name}={setting.value}", name, ingress, egress)


def _unserved(packet: Packet, view: View) -> bool:
    """Whether it goes, untranslated, to an address of a Service on a node that translates destinations (NAT-5)."""
    if packet.original is not None or not view.translates.get(packet.family, False):
        return False
    own = _own(packet.family, packet.destination, view)
    for service in view.cluster.services:
        named = (packet.family, packet.destination) in (*service.addresses, *service.external)
        for port in service.ports:
            numbers = ([port.number] if named else []) + ([port.node_port] if own and port.node_port else [])
            if port.protocol == packet.protocol and packet.destination_port in numbers:
                return True
    return False


def _by_policies(
    packet: Packet,
    path: Path,
    view: View,
    settings: Mapping[str, Setting],
    traces: Mapping[Direction, PolicyTrace],
) -> Expectation:
    """Denied where an end on this node denies, allowed where both ends allow, free in between."""
    ingress, egress = traces[Direction.INGRESS], traces[Direction.EGRESS]
    if ingress.reasons or egress.reasons:
        return Expectation(None, "; ".join(ingress.reasons + egress.reasons), "", ingress, egress)
    denied = [each for each in ANSWERING[path] if not traces[each].allowed]
    if any(not judge(packet, view.cluster, each, view, perhaps(settings)).allowed for each in denied):
        sides = [each.value for each, trace in traces.items() if not trace.allowed]
        return Expectation(Verdict.DROP, f"{' and '.join(sides)} policies deny it", "", ingress, egress)
    if denied:
        name = _telling(packet, denied, view, perhaps(settings))
        return Expectation(None, f"assumption {name}={Setting.ANY.value}", name, ingress, egress)
    if ingress.allowed and egress.allowed:
        return Expectation(Verdict.ACCEPT, "the policies of both ends allow it", "", ingress, egress)
    return Expectation(
        None, "the remote end's policies deny it, which is the other node's to enforce", "", ingress, egress
    )


def _telling(packet: Packet, directions: list[Direction], view: View, counting: Counting) -> str:
    """An assumption of which one setting keeps the packet from passing by any reading of the policies."""

    def passes(counting: Counting) -> bool:
        return all(judge(packet, view.cluster, each, view, counting).allowed for each in directions)

    left = sorted(counting.perhaps - counting.sure)
    for name in left:
        denied, allowed = counting.perhaps - {name}, counting.sure | {name}
        if not passes(replace(counting, perhaps=denied)) or not passes(replace(counting, sure=allowed)):
            return name
    return left[0]


def misplaced(packet: Packet, path: Path, view: View) -> str:
    """Why this is not a packet of the path, "" where it is one."""
    source, destination = (packet.family, packet.source), (packet.family, packet.destination)
    if path in (Path.POD_TO_REMOTE, Path.POD_TO_POD, Path.POD_TO_NODE) and source not in view.local:
        return "its source is no pod of this node"
    if path in (Path.REMOTE_TO_POD, Path.POD_TO_POD, Path.NODE_TO_POD) and destination not in view.local:
        return "its destination is no pod of this node"
    if path is Path.POD_TO_POD and view.pods[source] is view.pods[destination] and packet.original is None:
        return "a pod can always reach itself"
    if path is Path.REMOTE_TO_POD and not _remote(*source, view):
        return "its source is not remote"
    if path is Path.POD_TO_REMOTE and not _remote(*destination, view):
        return "its destination is not remote"
    if path is Path.NODE_TO_POD and (_own(*source, view) is False or _inner(*source)):
        return "its source is no address of this node"
    if path is Path.POD_TO_NODE and (_own(*destination, view) is False or _inner(*destination)):
        return "its destination is no address of this node"
    return ""


def _own(family: int, address: int, view: View) -> bool | None:
    return has_type("@local", family, address, view.types)


def _inner(family: int, address: int) -> bool:
    """Whether the address is one that even the node itself uses only within a link: loopback, link-local (U-36)."""
    return any(first <= address <= last for first, last in NEVER_FORWARDED[family])


def _remote(family: int, address: int, view: View) -> bool:
    """Neither an address that no forwarded packet has (U-30) nor one of this node or its pods (U-31)."""
    if (family, address) in view.local or _own(family, address, view):
        return False
    return not _inner(family, address)


def excused(packet: Packet, path: Path, kind: Kind, deviations: Iterable[Deviation], view: View) -> tuple[str, ...]:
    """The names of the deviations that turn a difference of this kind, for this packet, into unspecified."""
    in_force = [each for each in deviations if packet.family in each.families]
    names = [
        deviation.name
        for deviation in in_force
        if deviation.rewritten is None
        and deviation.kind is kind
        and path in deviation.paths
        and holds(deviation.where, packet, view) is True
        and (deviation.denied_by is None or not judge(packet, view.cluster, deviation.denied_by, view).allowed)
    ]
    readers = [each for each in in_force if each.rewritten is not None]
    if _reads_so(packet, path, kind, readers, view):
        needed = [
            each.name
            for each in readers
            if not _reads_so(packet, path, kind, [other for other in readers if other.name != each.name], view)
        ]
        names.extend(needed or [each.name for each in readers])
    return tuple(dict.fromkeys(names))


def _reads_so(packet: Packet, path: Path, kind: Kind, deviations: list[Deviation], view: View) -> bool:
    """Whether the policies, as these deviations read them, ask for what the node does with the packet (ANS-9)."""
    if not deviations or packet.state is not ConnState.NEW or packet.protocol not in POLICED_PROTOCOLS:
        return False
    other = _reading(deviations, view)
    ends = ANSWERING.get(path, ())
    if other is view or not ends:
        return False
    allowed = {end: judge(packet, view.cluster, end, view).allowed for end in ends}
    read = {end: judge(packet, other.cluster, end, other).allowed for end in ends}
    if kind is Kind.LEAK:
        return all(allowed[end] or read[end] for end in ends)
    return not all(read.values())


def _reading(deviations: list[Deviation], view: View) -> View:
    """The node with its policies as these deviations read them; the view itself where that changes nothing."""
    key = tuple(id(each.rewritten) for each in deviations)
    if key not in view.readings:
        cluster = reading(view.cluster, deviations)
        view.readings[key] = view if cluster is view.cluster else replace(view, cluster=cluster, selections={})
    return view.readings[key]
