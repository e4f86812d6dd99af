"""What a namespace must have so that packets can cross it as they cross their node.

Spec: specs/questions/replay.md
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from verifier.evidence.kernel.records import Stage
from verifier.model.cluster import Cluster
from verifier.model.ipset import InterfacePart
from verifier.model.node import NodeState
from verifier.model.packet import FREE_INTERFACE, FREE_PORT, Packet
from verifier.model.path import Path
from verifier.model.profile import Bridge
from verifier.model.ruleset import Ruleset

LONGEST = 15
"""Characters of an interface's name (IFNAMSIZ - 1)."""
POD = "pod"
WITHOUT = {"in_interface": Path.NODE_TO_POD, "out_interface": Path.POD_TO_NODE}
"""The paths on which a packet has no such interface."""
WIRE = "eth0"
"""Where the node's addresses are whose interface nothing tells."""
ASKS = re.compile(
    r"(?:^|\s)(?:-i|-o|--in-interface|--out-interface|--physdev-in|--physdev-out)\s+(\S+)",
)
LINK_LOCAL = 0x3FA
"""The first ten bits of the IPv6 addresses that every interface has one of."""
MOST = 1000
"""How many names are tried for what has none."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A packet as it is sent: the same with names for what has none. `notes` say so; `problem` why it cannot be sent."""

    packet: Packet
    notes: tuple[str, ...] = ()
    problem: str = ""


class Stagehand:
    """Prepares packets of one family of a node, and remembers what they need.

    `bridge` is the one whose ports the pods are, None where there is none.
    """

    def __init__(self, node: NodeState, cluster: Cluster, family: int, bridge: Bridge | None) -> None:
        self._node = node
        self._cluster = cluster
        self._family = family
        self._bridge = bridge
        self._interfaces: dict[str, None] = {}
        self._ports: dict[str, None] = {}
        self._asked = tuple(dict.fromkeys((*_of_rules(node.rulesets.get(family)), *_of_sets(node))))

    def enter(self, packet: Packet, path: Path) -> Entry:
        """The packet to send on its path; its interfaces and ports are on the stage from now on."""
        notes: list[str] = []
        names = {"in_interface": packet.in_interface, "out_interface": packet.out_interface}
        needed = {way for way, without in WITHOUT.items() if path is not without}
        names |= {"phys_in": packet.phys_in, "phys_out": packet.phys_out}
        taken: set[str] = set()
        for way, name in names.items():
            if name == FREE_INTERFACE or name.endswith(FREE_PORT) or (not name and way in needed):
                names[way] = self._stand_in(name, taken)
                if not names[way]:
                    return Entry(packet, (), f"no name can stand for that of a pod's {_what(name)}")
                notes.append(f"{names[way]} stands for a pod's {_what(name)}, whose name is not known")
            if len(names[way]) > LONGEST:
                return Entry(packet, (), f"{names[way]!r} is longer than an interface's name can be")
            taken.add(names[way])
        if names["in_interface"] == "lo":
            return Entry(packet, (), "it comes by the loopback interface")
        self._interfaces |= {names[way]: None for way in ("in_interface", "out_interface") if names[way]}
        self._ports |= {names[way]: None for way in ("phys_in", "phys_out") if names[way]}
        named = replace(
            packet,
            in_interface=names["in_interface"],
            out_interface=names["out_interface"],
            phys_in=names["phys_in"],
            phys_out=names["phys_out"],
        )
        return Entry(named, tuple(notes))

    def stage(self) -> Stage:
        """Everything that the packets so far need, with the node's own addresses."""
        addresses = tuple(dict.fromkeys(self._addresses()))
        bridge = self._bridge
        ports = dict(self._ports)
        if bridge is not None and bridge.uplink and len(bridge.uplink) <= LONGEST:
            ports[bridge.uplink] = None
        carrying = {interface: None for interface, *_ in addresses if interface != "lo"}
        names = {name: None for name in (*self._interfaces, *carrying) if name not in ports}
        if bridge is None:
            return Stage(tuple(names), (), addresses)
        names.pop(bridge.interface, None)
        return Stage(tuple(names), ((bridge.interface, tuple(ports)),), addresses)

    def _addresses(self) -> Iterator[tuple[str, int, int, int]]:
        """The node's addresses of this family as the reference knows them, without those that every node has."""
        if self._node.addresses is not None:
            for each in self._node.addresses:
                if each.family == self._family and not _everywhere(self._family, each.address):
                    yield each.interface, each.family, each.address, each.prefix
            return
        listed = self._cluster.nodes.get(self._node.name)
        for family, address in sorted(listed.addresses) if listed else ():
            if family == self._family:
                yield WIRE, family, address, 32 if family == 4 else 128

    def _stand_in(self, name: str, taken: set[str]) -> str:
        """A name that every rule takes as it takes this one, "" where there is none."""
        base = POD if name in ("", FREE_INTERFACE) else name.removesuffix(FREE_PORT)
        used = {*taken, *(self._node.interfaces or ())}
        for number in range(MOST):
            found = f"{base}{number}"
            if len(found) > LONGEST:
                break
            if found not in used and all(_fits(each, found) is _fits(each, name) for each in self._asked):
                return found
        return ""


def _what(name: str) -> str:
    return "interface" if name in ("", FREE_INTERFACE) else "bridge port"


def _everywhere(family: int, address: int) -> bool:
    return address >> 24 == 127 if family == 4 else address == 1 or address >> 118 == LINK_LOCAL


def _fits(asked: str, name: str) -> bool:
    return name.startswith(asked[:-1]) if asked.endswith("+") else name == asked


def _of_rules(ruleset: Ruleset | None) -> Iterator[str]:
    """Every name of an interface that a rule asks for, with "+" at its end where it is only a beginning."""
    for chain in ruleset.chains.values() if ruleset else ():
        for rule in chain.rules:
            yield from ASKS.findall(rule.text)


def _of_sets(node: NodeState) -> Iterator[str]:
    contents = [each.content for each in (node.sets or {}).values() if "iface" in each.content.kind]
    for content in contents:
        for member in content.members:
            yield from (part.name for part in member.parts if isinstance(part, InterfacePart))
