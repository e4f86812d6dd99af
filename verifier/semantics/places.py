"""Who can be where: the ends of every path with their addresses and interfaces.

Spec: specs/universe.md
"""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_lowercase
from typing import TypeAlias

from verifier.model.cluster import Pod
from verifier.model.node import NodeState
from verifier.model.predicate import Range
from verifier.model.profile import Profile
from verifier.semantics.atoms import Beginning, Foreign, Name
from verifier.semantics.bridges import bridged_networks
from verifier.semantics.cuts import SPECIAL
from verifier.semantics.interfaces import Axis, Interfaces, Ports, leaving
from verifier.semantics.line import cells
from verifier.semantics.space import Space


@dataclass(frozen=True, slots=True, eq=False)
class LocalPod:
    """A pod of this node with an address of the family.

    `device` is the interface by which its packets come, `port` the bridge port; None where unknown. Pods of one `sort`
    are told apart neither by whether that is known nor by what is known of the port.
    """

    pod: Pod
    address: int
    bit: int
    cell: int
    device: str | None
    port: Name
    sort: int

    @property
    def name(self) -> str:
        return self.pod.full_name


@dataclass(frozen=True, slots=True, eq=False)
class Strangers:
    """Remote addresses that nothing asked of one end tells apart; `cell` is the first of them.

    `device` and `port` are those of the wire.
    """

    bit: int
    cell: int
    device: str
    port: Name

    @property
    def name(self) -> str:
        return f"remote addresses like cell {self.cell}"


Holder: TypeAlias = LocalPod | Strangers
"""An end that can have a part."""


@dataclass(frozen=True, slots=True)
class Wire:
    """What leads to remote ends: an interface that no rule tells apart from those `alike`, or a bridge's uplink.

    `remote` are the cells of the ends behind it, `port` the bridge port by which they come. With `doubt`, whether they are behind it is
    not known, for that reason.
    """

    interface: str
    alike: tuple[str, ...]
    remote: int
    port: Name
    doubt: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """Every end that a local pod may meet: the local pods and what is remote behind one wire."""

    cells: int
    interfaces: Interfaces
    ports: tuple[tuple[Name, int], ...]

    def reached_from(self, local: Holder) -> Ports:
        """The ports of packets from an end to any of them."""
        leave = tuple((leaving(local.port, port), mask) for port, mask in self.ports)
        return Ports(Interfaces(((local.port, -1),)), Interfaces(leave))

    def reaching(self, local: Holder) -> Ports:
        """The ports of packets from any of them to an end."""
        leave = tuple((leaving(port, local.port), mask) for port, mask in self.ports)
        return Ports(Interfaces(self.ports), Interfaces(leave), Axis.SOURCE)


def pair_ports(source: Name, destination: Name) -> Ports:
    """The ports of packets between two ends that are behind these."""
    return Ports(Interfaces(((source, -1),)), Interfaces(((leaving(source, destination), -1),)))


class Places:
    """The ends of the paths of one node and family.

    `reachable` is every address but loopback, multicast, broadcast, unspecified (U-30), `remote` all of those but the
    node's own, its pods' (U-31) and those that several live pods claim; `claimed` says so of pods of other nodes;
    `common` is the interface that all local pods have, "" where they have several or none that is known; `wires` has
    one interface per class of interfaces that no rule can tell apart and that are no pod's (U-32), and the
    uplink of a known bridge (U-42).
    """

    def __init__(self, space: Space, node: NodeState, profile: Profile) -> None:
        self.space = space
        self.bridge = bridge = profile.bridge(node)
        sorts: dict[tuple[bool, Name], int] = {}
        self.pods: list[LocalPod] = []
        self.shared: list[Pod] = []
        self.local = 0
        for pod, bit in space.inventory.pods:
            if pod.node != node.name:
                continue
            if bit & space.inventory.ambiguous:
                self.shared.append(pod)
            else:
                device = _device(space.family, pod, node, profile)
                port = Beginning(bridge.pod_ports) if bridge and device == bridge.interface else None
                sort = sorts.setdefault((device is None, port), -10 - len(sorts))
                self.pods.append(
                    LocalPod(pod, pod.addresses[space.family], bit, bit.bit_length() - 1, device, port, sort)
                )
            self.local |= bit
        self.by_address = {local.address: local for local in self.pods}
        self.own = space.address_mask((a, a) for a in space.own)
        self.reachable = space.addresses.all
        for ranges in SPECIAL[space.family].values():
            self.reachable &= ~space.address_mask(ranges)
        self.remote = self.reachable & ~self.local & ~self.own & ~space.inventory.ambiguous
        shared = space.inventory.ambiguous & ~self.local
        self.claimed = "; ".join(_rivals(space, 1 << cell) for cell in cells(shared))
        names = _wires(space, node, profile, {p.device for p in self.pods})
        self.wires = self._strung(names, bridged_networks(space.family, node, bridge))
        devices: dict[str | None, int] = {}
        for local in self.pods:
            devices[local.device] = devices.get(local.device, 0) | local.bit
        self.devices = devices
        self.common = next(iter(devices)) or "" if len(devices) == 1 else ""
        nameless = [local.pod.full_name for local in self.pods if local.device is None]
        self._nameless = ", ".join(nameless[:3]) + (f" and {len(nameless) - 3} more" if len(nameless) > 3 else "")
        shared_device = bridge.interface if bridge else None
        self.alone = {
            local.cell
            for local in self.pods
            if local.device and local.device != shared_device and devices[local.device] == local.bit
        }

    def rivals(self, pod: Pod) -> str:
        """Which live pods share this one's address."""
        return _rivals(self.space, 1 << self.space.addresses.cell(pod.addresses[self.space.family]))

    def _strung(self, names: dict[str, tuple[str, ...]], networks: tuple[Range, ...]) -> tuple[Wire, ...]:
        """The wires of these interfaces, and the uplink of the bridge; each with what is behind it."""
        if self.bridge is None:
            return tuple(Wire(first, alike, self.remote, None) for first, alike in names.items())
        bridge = self.bridge
        inside = outside = self.remote
        doubt = f"which addresses are behind {bridge.uplink} is not known: no address or route of {bridge.interface} is"
        if networks:
            inside, doubt = self.remote & self.space.address_mask(networks), ""
            outside = self.remote & ~inside
        port = Foreign(bridge.pod_ports, bridge.uplink)
        return (
            *(Wire(first, alike, outside, port, doubt) for first, alike in names.items()),
            Wire(bridge.interface, (bridge.interface,), inside, bridge.uplink, doubt),
        )

    def around(self, wire: Wire) -> Surroundings:
        """Every end that is a local pod or remote behind the wire."""
        groups = dict(self.devices)
        groups[wire.interface] = groups.get(wire.interface, 0) | wire.remote
        ports: dict[Name, int] = {wire.port: wire.remote}
        for local in self.pods:
            ports[local.port] = ports.get(local.port, 0) | local.bit
        interfaces = Interfaces(tuple(groups.items()), self._nameless)
        return Surroundings(wire.remote | self.local_bits, interfaces, tuple(ports.items()))

    @property
    def local_bits(self) -> int:
        """The cells of the pods that are asked about."""
        return sum(local.bit for local in self.pods)


def _rivals(space: Space, bit: int) -> str:
    return " and ".join(pod.full_name for pod, at in space.inventory.pods if at == bit) + " claim one address"


def _device(family: int, pod: Pod, node: NodeState, profile: Profile) -> str | None:
    named = profile.pod_interface(node, pod)
    if named:
        return named
    address = pod.addresses[family]
    default = {
        r.interface for r in node.routes or () if r.family == family and r.first == 0 and _is_default(r.last, family)
    }
    best = None
    for route in node.routes or ():
        if route.family != family or not route.interface or not route.first <= address <= route.last:
            continue
        if route.interface in default and route.first != route.last:
            continue
        if best is None or route.last - route.first < best.last - best.first:
            best = route
    return best.interface if best is not None else None


def _is_default(last: int, family: int) -> bool:
    return last == (1 << (32 if family == 4 else 128)) - 1


def _wires(space: Space, node: NodeState, profile: Profile, devices: set[str | None]) -> dict[str, tuple[str, ...]]:
    bridge = profile.bridge(node)
    reserved = profile.pod_interfaces(node)
    if bridge is not None:
        reserved = (*reserved, bridge.pod_ports)
        devices = {*devices, bridge.interface, bridge.uplink}

    def is_wire(name: str) -> bool:
        return name != "lo" and name not in devices and not any(name.startswith(prefix) for prefix in reserved)

    patterns = sorted(space.interfaces)
    if node.interfaces is not None:
        candidates = [name for name in node.interfaces if is_wire(name)]
    else:
        mentioned = sorted(name for name, prefix in space.interfaces if not prefix and is_wire(name))
        fitting = [f"{text}0" for text, prefix in patterns if prefix and _no_pods(text, devices)]
        candidates = [n for n in ("eth0", *_unmentioned(patterns), *fitting) if is_wire(n)] + mentioned
    classes: dict[tuple[bool, ...], list[str]] = {}
    for name in dict.fromkeys(candidates or ["eth0"]):
        signature = tuple(name.startswith(text) if prefix else name == text for text, prefix in patterns)
        classes.setdefault(signature, []).append(name)
    return {names[0]: tuple(names) for names in classes.values()}


def _no_pods(prefix: str, devices: set[str | None]) -> bool:
    """Whether the interface of every pod is known and none begins so: then what a rule means by it are others."""
    return not any(device is None or device.startswith(prefix) for device in devices)


def _unmentioned(patterns: list[tuple[str, bool]]) -> list[str]:
    """An interface that no rule speaks of, as a list; [] where the rules speak of every name."""

    def told(name: str) -> bool:
        return any(text and (name.startswith(text) if prefix else name == text) for text, prefix in patterns)

    names = (f"{stem}{number}" for stem in ("eth", *ascii_lowercase) for number in range(len(patterns) + 1))
    return [name for name in names if not told(name)][:1]
