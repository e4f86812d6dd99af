"""A disagreement as an executable page below tests/cases, which then fails as any other page would."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fuzz.world import ADDRESSES, DUMPS, World
from tests.literate import ROOT
from verifier.evidence.kernel.records import Shot
from verifier.model.addresses import address_text
from verifier.model.effect import Verdict
from verifier.model.fields import ConnState, CtStatus, has_ports
from verifier.model.path import Path as PacketPath

FOLDER = ROOT / "tests" / "cases" / "fuzz"
HOOKS = {PacketPath.POD_TO_NODE: "input", PacketPath.NODE_TO_POD: "output"}
WORDS = {Verdict.ACCEPT: "accept", Verdict.DROP: "drop", None: "unknown"}


def line(shot: Shot, verdict: Verdict | None, mark: int | None = None) -> str:
    """A packet and what is expected of it, as a `packets` block writes it."""
    packet = shot.packet
    hook = HOOKS.get(shot.path, "forward")
    ports = has_ports(packet.protocol)
    ends = (
        _end(packet.family, packet.source, packet.source_port if ports else None),
        _end(packet.family, packet.destination, packet.destination_port if ports else None),
    )
    words = [WORDS[verdict], hook, str(packet.protocol), ends[0], "->", ends[1]]
    status = packet.ct_status & ~CtStatus.DNAT if packet.original else packet.ct_status
    sent = _end(packet.family, *packet.original) if packet.original else ""
    keys = {
        "in": packet.in_interface,
        "out": packet.out_interface,
        "physin": packet.phys_in,
        "physout": packet.phys_out,
        "bridged": str(packet.bridged or ""),
        "state": "" if packet.state is ConnState.NEW else packet.state.name,
        "flags": str(packet.tcp_flags) if packet.protocol == 6 and packet.tcp_flags != 2 else "",
        "icmp": f"{packet.icmp >> 8}/{packet.icmp & 255}" if packet.protocol in (1, 58) else "",
        "ctstatus": ",".join(bit.name or "" for bit in CtStatus if status & bit),
        "mark": hex(packet.mark) if packet.mark else "",
        "connmark": hex(packet.connmark) if packet.connmark else "",
        "sentto": sent,
    }
    words += [f"{key}={value}" for key, value in keys.items() if value]
    if mark is not None and verdict is Verdict.ACCEPT:
        words.append(f"mark=>{mark:#x}")
    return " ".join(words)


def _end(family: int, address: int, port: int | None) -> str:
    text = address_text(family, address)
    if port is None:
        return text
    return f"{text}:{port}" if family == 4 else f"[{text}]:{port}"


def page(title: str, text: str, world: World, lines: list[str]) -> str:
    """The page: what was found, the world, and the packets with what is expected of them."""
    blocks = [(DUMPS[world.family], world.rules())]
    if world.sets:
        blocks.append(("ipset-save", world.members()))
    if "addrtype" in world.rules():
        blocks.append(("json addresses", json.dumps(ADDRESSES)))
    blocks.append(("packets", "\n".join(lines)))
    shown = [f"```{kind}\n{body.rstrip()}\n```" for kind, body in blocks]
    return "\n\n".join([f"# {title}", text, *shown]) + "\n"


def write(name: str, content: str) -> Path:
    """Put a page where the tests find it; returns its path."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    place = FOLDER / f"{name}.md"
    place.write_text(content)
    return place
