"""Packets for a random world, aimed at the constants of its rules and at the members of its sets.

Packets come in bunches that share path, wires, state and marks, as the encoder is asked for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from tests.fuzz.members import Aim
from tests.fuzz.rulesets import Drawn
from tests.fuzz.world import BRIDGE, INTERFACES, OWN, PORTS
from verifier.evidence.kernel.records import Shot
from verifier.model.effect import Target
from verifier.model.fields import ConnState, CtStatus, has_ports
from verifier.model.packet import Packet
from verifier.model.path import Path

PATHS = (Path.REMOTE_TO_POD, Path.REMOTE_TO_POD, Path.REMOTE_TO_POD, Path.POD_TO_NODE, Path.NODE_TO_POD)
NEW_FLAGS = tuple(flags for flags in range(256) if not flags & 5 and flags & 18 in (2, 16))
KNOWN_FLAGS = (16, 24, 17, 25, 4, 20, 2, 18, 48)
NEW_ICMP = {1: (8, 13, 17), 58: (128, 139)}
KNOWN_ICMP = {1: (0, 8, 14, 18), 58: (128, 129, 140)}
RELATED_ICMP = {1: (3, 11, 12), 58: (1, 2, 3, 4)}
CHECKED = (6, 17, 132, 1, 58)
"""Protocols of which connection tracking can find a packet invalid."""
STATES = (
    (ConnState.NEW, 0.62),
    (ConnState.ESTABLISHED, 0.14),
    (ConnState.RELATED, 0.08),
    (ConnState.INVALID, 0.08),
    (ConnState.UNTRACKED, 0.08),
)
BUNCH = 16


def shots(drawn: Drawn, count: int) -> list[Shot]:
    """Packets for a world, all different in what they are aimed at."""
    found: list[Shot] = []
    while len(found) < count:
        found += _Bunch(drawn).shots(min(BUNCH, count - len(found)))
    return found


class _Bunch:
    """Draws packets that differ in one end and in what they carry."""

    def __init__(self, drawn: Drawn) -> None:
        self.drawn = drawn
        self.pool = drawn.pool
        self.family = drawn.world.family
        goals = drawn.aims or ((),)
        self.goal = {aim.field: aim for aim in self.pool.pick(goals)}
        self.path = self._path()
        self.state = self._state()
        self.common: dict[str, Any] = self._wires()
        self.common["mark"] = self._mark()
        self.common |= self._fixed_end()

    def _sought(self, field: str) -> Aim | None:
        """What the rule that the bunch is about asks for in a field, most of the time."""
        return self.goal.get(field) if self.pool.chance(0.8) else None

    def _path(self) -> Path:
        aim = self._sought("hook")
        known = {"INPUT": Path.POD_TO_NODE, "OUTPUT": Path.NODE_TO_POD}
        return known[aim.text] if aim else self.pool.pick(PATHS)

    def _state(self) -> ConnState:
        aim = self._sought("state")
        if aim:
            return ConnState(aim.low)
        return self.pool.choose.choices([s for s, _ in STATES], [w for _, w in STATES])[0]

    def _mark(self) -> int:
        aim = self._sought("mark")
        if aim and self.pool.chance(0.7):
            return aim.low | (self.pool.mark() & ~aim.high & 0xFFFFFFFF)
        return self.pool.mark() if self.pool.chance(0.35) else 0

    def _wire(self, field: str) -> str:
        aim = self._sought(field)
        name = aim.text.rstrip("+") if aim else ""
        known = [each for each in (*INTERFACES, BRIDGE) if name and each.startswith(name)]
        return self.pool.pick(known) if known else self.pool.wire()

    def _wires(self) -> dict[str, Any]:
        """Interfaces and bridge ports, as a packet of the path has them."""
        inward = {"in_interface": self._wire("in")}
        if inward["in_interface"] == BRIDGE:
            inward["phys_in"] = self.pool.pick(PORTS)
        if self.path is Path.POD_TO_NODE:
            return inward
        if self.path is Path.NODE_TO_POD:
            return {"out_interface": self._wire("out")}
        if self.pool.chance(0.5 if self._sought("bridge") else 0.1):
            first, second = self.pool.pick((PORTS, PORTS[::-1]))
            return {"in_interface": BRIDGE, "out_interface": BRIDGE, "phys_in": first, "phys_out": second, "bridged": 1}
        return {**inward, "out_interface": self._wire("out")}

    def _fixed_end(self) -> dict[str, int]:
        """The end that all packets of the bunch share."""
        own = OWN[self.family][0]
        if self.path is Path.POD_TO_NODE:
            return {"destination": own}
        if self.path is Path.NODE_TO_POD and self.pool.chance(0.7):
            return {"source": own}
        end = self.pool.pick(("source", "destination"))
        wanted: dict[str, Any] = {end: self._address()}
        if self.pool.chance(0.7):
            self._aim(wanted, tuple(self.goal.values()))
        return {end: wanted[end]}

    def shots(self, count: int) -> Iterator[Shot]:
        for _ in range(count):
            yield Shot(self._packet(), self.path)

    def _address(self) -> int:
        """An address at or beside a constant, or any of a network of this world."""
        if self.pool.chance(0.6):
            return self._near(self.pool.host(), (1 << self.pool.bits) - 1)
        if self.pool.chance(0.7):
            return self.pool.inside(self.pool.pick(self.pool.networks))
        first, length = self.pool.pick(self.pool.networks)
        last = first | (1 << (self.pool.bits - length)) - 1
        return self._near(self.pool.pick((first, last)), (1 << self.pool.bits) - 1)

    def _near(self, value: int, top: int) -> int:
        step = self.pool.pick((0, 0, 0, 0, 1, -1)) if self.pool.chance(0.7) else 0
        return min(top, max(0, value + step))

    def _packet(self) -> Packet:
        """A packet of the bunch: random first, then with what some rules and members ask for."""
        pool = self.pool
        wanted: dict[str, Any] = {
            "source": self._address(),
            "destination": self._address(),
            "protocol": pool.protocol(),
            "source_port": self._port(),
            "destination_port": self._port(),
            "icmp": pool.pick(pool.icmps) if pool.chance(0.8) else pool.choose.randrange(65536),
            "flags": None,
        }
        if pool.chance(0.3) and self.drawn.aims:
            self._aim(wanted, pool.pick(self.drawn.aims))
        if pool.chance(0.3):
            self._hit_member(wanted)
        if pool.chance(0.7):
            self._aim(wanted, tuple(self.goal.values()))
        wanted |= self.common
        if self.path is not Path.POD_TO_NODE and self._stays(wanted["destination"]):
            wanted["destination"] = pool.networks[0][0] + 1
        if self.state is ConnState.INVALID and wanted["protocol"] not in CHECKED and pool.chance(0.9):
            wanted["protocol"] = pool.pick((6, 17, 132))
        return self._made(wanted)

    def _stays(self, destination: int) -> bool:
        """Whether the node itself is at an address, so that no packet to there leaves it."""
        loopback = destination >> 24 == 127 if self.family == 4 else destination == 1
        return loopback or destination in (0, OWN[self.family][0])

    def _port(self) -> int:
        if self.pool.chance(0.75):
            return self._near(self.pool.pick(self.pool.ports), 65535)
        return self._near(self.pool.pick(self.pool.pick(self.pool.spans)), 65535)

    def _aim(self, wanted: dict[str, Any], aims: tuple[Aim, ...]) -> None:
        for aim in aims:
            if aim.field in ("source", "destination", "source_port", "destination_port", "icmp"):
                top = (1 << self.pool.bits) - 1 if aim.field in ("source", "destination") else 65535
                wanted[aim.field] = self._within(aim.low, aim.high, top)
            elif aim.field == "protocol":
                wanted["protocol"] = aim.low
            elif aim.field == "flags":
                wanted["flags"] = aim.low | (self.pool.choose.getrandbits(8) & ~aim.high & 0xFF)
            elif aim.field == "member":
                self._enter(wanted, aim.text, aim.directions)

    def _within(self, low: int, high: int, top: int) -> int:
        """An end of a range, one beside it, or something in between."""
        if self.pool.chance(0.4):
            return self.pool.choose.randint(low, high)
        return self._near(self.pool.pick((low, high)), top)

    def _hit_member(self, wanted: dict[str, Any]) -> None:
        """Make the packet a member of a set, as some rule asks for one."""
        if self.drawn.memberships:
            aim = self.pool.pick(self.drawn.memberships)
            self._enter(wanted, aim.text, aim.directions)

    def _enter(self, wanted: dict[str, Any], name: str, directions: tuple[str, ...]) -> None:
        """Make the packet a member of a set, or nearly one."""
        found = self.drawn.known.sets[name]
        if not found.entries:
            return
        for aim, direction in zip(self.pool.pick(found.entries), directions, strict=False):
            end = "source" if direction == "src" else "destination"
            if aim.field == "address":
                wanted[end] = self._within(aim.low, aim.high, (1 << self.pool.bits) - 1)
            elif aim.field == "port":
                wanted["protocol"] = self.pool.pick((6, 17))
                wanted[f"{end}_port"] = self._near(aim.low, 65535)
            elif aim.field == "proto port":
                wanted["protocol"] = aim.high
                wanted[f"{end}_port"] = self._near(aim.low, 65535)
            elif aim.field == "icmp port":
                wanted["protocol"], wanted["icmp"] = aim.high, self._near(aim.low, 65535)

    def _made(self, wanted: dict[str, Any]) -> Packet:
        """The packet, in a state that connection tracking can give it wherever that is known."""
        number = wanted["protocol"]
        flags = wanted.pop("flags")
        ports = has_ports(number)
        packet = Packet(
            family=self.family,
            source=wanted["source"],
            destination=wanted["destination"],
            protocol=number,
            source_port=wanted["source_port"] if ports else 0,
            destination_port=wanted["destination_port"] if ports else 0,
            icmp=wanted["icmp"] if number in (1, 58) else 0,
            tcp_flags=0,
            state=self.state,
            mark=wanted["mark"],
            in_interface=wanted.get("in_interface", ""),
            out_interface=wanted.get("out_interface", ""),
            phys_in=wanted.get("phys_in", ""),
            phys_out=wanted.get("phys_out", ""),
            bridged=wanted.get("bridged", 0),
        )
        if number == 6:
            packet = replace(packet, tcp_flags=self._flags(flags))
        if number in (1, 58) and self.pool.chance(0.8):
            packet = replace(packet, icmp=self._kind(number) * 256 + packet.icmp % 256)
        return packet

    def _flags(self, wished: int | None) -> int:
        known = {ConnState.NEW: NEW_FLAGS, ConnState.ESTABLISHED: KNOWN_FLAGS, ConnState.RELATED: NEW_FLAGS}
        possible = known.get(self.state)
        if possible is None:
            return self.pool.choose.getrandbits(8) if wished is None else wished
        if wished is not None and (wished in possible or self.pool.chance(0.1)):
            return wished
        return self.pool.pick(possible) if self.pool.chance(0.5) else possible[0]

    def _kind(self, number: int) -> int:
        kinds = {ConnState.ESTABLISHED: KNOWN_ICMP, ConnState.RELATED: RELATED_ICMP}.get(self.state, NEW_ICMP)
        return self.pool.pick(kinds[number])


def sent_on(drawn: Drawn, shots: Sequence[Shot], targets: Sequence[Sequence[Target]]) -> list[Shot]:
    """Packets that the node gives another destination, as they are then; `targets` tells for each packet where to."""
    pool, found = drawn.pool, list[Shot]()
    for shot, possible in zip(shots, targets, strict=True):
        if not possible or shot.packet.original is not None:
            continue
        packet, target = shot.packet, pool.pick(possible)
        low, high = target.ports or (packet.destination_port, packet.destination_port)
        port = pool.pick((low, high)) if has_ports(packet.protocol) else 0
        moved = replace(
            packet,
            destination=pool.pick(target.addresses),
            destination_port=port,
            original=(packet.destination, packet.destination_port),
            ct_status=packet.ct_status | CtStatus.DNAT,
        )
        if shot.path is not Path.NODE_TO_POD:
            own = moved.destination == OWN[packet.family][0]
            path = Path.POD_TO_NODE if own else Path.REMOTE_TO_POD
            outward = "" if own else pool.pick(INTERFACES)
            moved = replace(moved, out_interface=outward, phys_out="", bridged=0)
            found.append(Shot(moved, path))
        elif moved.destination != OWN[packet.family][0]:  # the node's own address is reached by lo
            found.append(Shot(moved, shot.path))
    return found


def translated(drawn: Drawn, shots: Sequence[Shot]) -> list[Shot]:
    """Some packets of connections again, as if their connection had been translated before."""
    pool, statuses = drawn.pool, (CtStatus.SNAT, CtStatus.DNAT, CtStatus.SNAT | CtStatus.DNAT)
    known = [shot for shot in shots if shot.packet.state in (ConnState.ESTABLISHED, ConnState.RELATED)]
    chosen = [shot for shot in known if shot.packet.original is None and pool.chance(0.4)]
    return [replace(shot, packet=replace(shot.packet, ct_status=pool.pick(statuses))) for shot in chosen]
