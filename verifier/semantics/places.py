"""Who can be where: the ends of every path with their addresses and interfaces.

Spec: specs/universe.md
"""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_lowercase

from verifier.model.cluster import Pod
from verifier.model.node import NodeState
from verifier.model.profile import Profile
from verifier.semantics.atoms import NameTest
from verifier.semantics.cuts import SPECIAL
from verifier.semantics.line import cells
from verifier.semantics.space import Space


@dataclass(frozen=True, slots=True, eq=False)
class LocalPod:
    """A pod of this node with an address of the family; `device` is its host-side interface, None where unknown."""

    pod: Pod
    address: int
    bit: int
    cell: int
    device: str | None


class Interfaces:
    """The interfaces that an end can have: (name or None, cells behind it); -1 stands for a single fixed end.

    `unknown` says whose interface it is where no name is known.
    """

    __slots__ = ("groups", "key", "unknown")

    def __init__(self, groups: tuple[tuple[str | None, int], ...], unknown: str = "") -> None:
        self.groups = groups
        self.unknown = f"the interface of {unknown or 'a pod'} is not known: no chain, address or route tells it"
        self.key = tuple(name for name, _ in groups)

    def test(self, test: NameTest) -> tuple[int, int]:
        """(cells for which the test holds, cells for which nobody knows)."""
        holds = unknown = 0
        for name, mask in self.groups:
            if name is None:
                unknown |= mask
            elif test.holds(name):
                holds |= mask
        return holds, unknown


NO_INTERFACE = Interfaces((("", -1),))


class Places:
    """The ends of the paths of one node and family.

    `remote` is every address but loopback, multicast, broadcast, unspecified, the node's own, its pods' (U-31) and those
    that several live pods claim; `claimed` says so of pods of other nodes;
    `wires` names one interface per class of interfaces that no rule can tell apart and that are no pod's, with all of its
    class (U-32).
    """

    def __init__(self, space: Space, node: NodeState, profile: Profile) -> None:
        self.space = space
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
                self.pods.append(LocalPod(pod, pod.addresses[space.family], bit, bit.bit_length() - 1, device))
            self.local |= bit
        self.own = space.address_mask((a, a) for a in space.own)
        self.remote = space.addresses.all & ~self.local & ~self.own & ~space.inventory.ambiguous
        for ranges in SPECIAL[space.family].values():
            self.remote &= ~space.address_mask(ranges)
        shared = space.inventory.ambiguous & ~self.local
        self.claimed = "; ".join(_rivals(space, 1 << cell) for cell in cells(shared))
        self.wires = _wires(space, node, profile, {p.device for p in self.pods})
        devices: dict[str | None, int] = {}
        for local in self.pods:
            devices[local.device] = devices.get(local.device, 0) | local.bit
        self.devices = devices
        nameless = [local.pod.full_name for local in self.pods if local.device is None]
        self._nameless = ", ".join(nameless[:3]) + (f" and {len(nameless) - 3} more" if len(nameless) > 3 else "")
        self.alone = {local.cell for local in self.pods if local.device and devices[local.device] == local.bit}

    def rivals(self, pod: Pod) -> str:
        """Which live pods share this one's address."""
        return _rivals(self.space, 1 << self.space.addresses.cell(pod.addresses[self.space.family]))

    def anywhere(self, wire: str) -> Interfaces:
        """Interfaces of an end that is any local pod or remote behind `wire`."""
        groups = dict(self.devices)
        groups[wire] = groups.get(wire, 0) | self.remote
        return Interfaces(tuple(groups.items()), self._nameless)


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
    reserved = profile.pod_interfaces(node)

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
