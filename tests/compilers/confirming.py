"""Witnesses on the real kernel: what the node has loaded, and a stage with what the packets need."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from tests.compilers.dump import Dump
from tests.compilers.worlds import World
from verifier.evidence.kernel.client import Kernel
from verifier.evidence.kernel.records import Backend, Shot, Stage
from verifier.model.effect import Verdict
from verifier.model.finding import Difference, Kind
from verifier.model.packet import FREE_PORT, Packet

BRIDGE = "weave"
OTHER_PORT = f"vethwepl-other{FREE_PORT}"
WANTED = {Kind.LEAK: Verdict.ACCEPT, Kind.BLOCKED: Verdict.DROP}


@dataclass(frozen=True, slots=True)
class Seen:
    """A bug of which a world showed differences, by its name and the clauses that it breaks."""

    name: str
    clauses: tuple[str, ...]
    world: World
    dump: Dump
    differences: tuple[Difference, ...]


def _sent(packet: Packet) -> Packet:
    """Between two pods of a bridge whose ports nobody knows, the ports are two: none sends back what it received."""
    same = packet.phys_in and packet.phys_in == packet.phys_out
    return replace(packet, phys_out=OTHER_PORT) if same else packet


def _stage(seen: list[Seen]) -> Stage:
    packets = [_sent(each.packet) for one in seen for each in one.differences]
    names = {name for packet in packets for name in (packet.in_interface, packet.out_interface)}
    ports = {name for packet in packets for name in (packet.phys_in, packet.phys_out)}
    own = [
        (interface["ifname"], 4 if entry["family"] == "inet" else 6, _number(entry["local"]), entry["prefixlen"])
        for interface in seen[0].dump.addresses
        for entry in interface["addr_info"]
        if interface["ifname"] != "lo"
    ]
    bridges = ((BRIDGE, tuple(sorted(ports - {""}))),) if BRIDGE in names else ()
    return Stage(tuple(sorted((names | {"eth0"}) - {"", BRIDGE})), bridges, tuple(own))


def _number(address: str) -> int:
    return int(ipaddress.ip_address(address))


def confirmed(seen: list[Seen], backend: Backend) -> Iterator[tuple[Seen, str, bool | None]]:
    """Of every witness its bug and story, and whether the kernel does what the finding says; None where nobody can ask."""
    with Kernel(_stage(seen), backend) as kernel:
        for one in seen:
            for family in sorted({each.family for each in one.differences}):
                asked = [each for each in one.differences if each.family == family]
                kernel.load(family, _text(one.dump.rules[family]), _text(one.dump.sets))
                answers = kernel.ask([Shot(_sent(each.packet), each.path, trace=False) for each in asked])
                for each, answer in zip(asked, answers, strict=True):
                    story = f"{one.name}: {each.kind.value} {each.path.value} {each.packet}: {answer}"
                    yield one, story, None if answer.verdict is None else answer.verdict is WANTED[each.kind]


def _text(lines: Iterable[str]) -> str:
    return "\n".join([*lines, ""])
