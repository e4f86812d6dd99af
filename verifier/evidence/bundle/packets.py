"""The packets of refutations as values of a script's constants.

Spec: specs/evidence.md (EV-6)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from verifier.evidence.bundle.interfaces import Interfaces, leaving
from verifier.evidence.bundle.queries import Query
from verifier.evidence.bundle.terms import number
from verifier.model.addresses import address_text
from verifier.model.bundle import NO_PORT, Plan, Port
from verifier.model.fields import ADDRESS_BITS, PROTOCOL_NAMES, ConnState, has_ports
from verifier.model.finding import Finding
from verifier.model.packet import FREE_INTERFACE, Packet
from verifier.model.path import Path


def of_query(query: Query, plan: Plan) -> Iterator[Finding]:
    """The findings whose witness is a packet of the query."""
    pods = {pod.address: pod.name for pod in plan.pods}
    for finding in plan.findings:
        packet = finding.witness.packet
        ends = {"src": packet.source, "dst": packet.destination}
        if query.sent_on or packet.original is not None or finding.path is not query.path:
            continue
        if pods.get(ends[query.near]) == query.pod:
            yield finding


def values(packet: Packet, path: Path, plan: Plan) -> dict[str, str]:
    """A packet of a path by the names of a script's constants."""
    interfaces = Interfaces(plan)
    width = ADDRESS_BITS[plan.family]
    coming, going = (_port(packet, plan, path, incoming=each) for each in (True, False))
    found = {
        "src": number(packet.source, width),
        "dst": number(packet.destination, width),
        "proto": number(packet.protocol, 8),
        "sport": number(packet.source_port, 16),
        "dport": number(packet.destination_port, 16),
        "icmp": number(packet.icmp, 16),
        "flags": number(packet.tcp_flags, 8),
        "state": number(packet.state, 3),
        "status": number(packet.ct_status, 2),
        "in-interface": interfaces.interface(_name(packet.in_interface)),
        "out-interface": interfaces.interface(_name(packet.out_interface)),
        "in-port": interfaces.port(coming),
        "out-port": interfaces.port(leaving(coming, going)),
    }
    return {name: term.text for name, term in found.items()}


def _name(interface: str) -> str | None:
    return None if interface == FREE_INTERFACE else interface


def _port(packet: Packet, plan: Plan, path: Path, *, incoming: bool) -> Port:
    """The bridge port of one end."""
    if (path is Path.NODE_TO_POD and incoming) or (path is Path.POD_TO_NODE and not incoming):
        return NO_PORT
    address = packet.source if incoming else packet.destination
    name = packet.in_interface if incoming else packet.out_interface
    found = [pod.port for pod in plan.pods if pod.address == address]
    return next(iter([*found, *(wire.port for wire in plan.wires if name in wire.interfaces)]))


def words(family: int, given: Mapping[str, str]) -> str:
    """Values as people write a packet."""
    known = {name: int(value[2:], 16 if value[1] == "x" else 2) for name, value in given.items() if value[0] == "#"}
    protocol = known.get("proto", 0)
    ports = (f" port {known.get('sport', 0)}", f" port {known.get('dport', 0)}") if has_ports(protocol) else ("", "")
    ends = [address_text(family, known.get(name, 0)) + port for name, port in zip(("src", "dst"), ports, strict=True)]
    state = known.get("state", 0)
    name = ConnState(state).name if state in set(ConnState) else str(state)
    return f"{PROTOCOL_NAMES.get(protocol, f'protocol {protocol}')} {ends[0]} -> {ends[1]}, {name}"
