"""The packet that a user asks about, as it enters a node."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from verifier.model.addresses import parse_address
from verifier.model.cluster import Cluster, Pod, Service
from verifier.model.fields import ICMP, ICMPV6, ConnState, has_ports
from verifier.model.node import NodeState
from verifier.model.options import Probe
from verifier.model.origin import InputError, Origin
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.profile import Profile
from verifier.reference.bridges import behind_uplink, crossing
from verifier.reference.specification import NEVER_FORWARDED
from verifier.reference.view import View, view_of

CLIENT_PORT = 40000
"""A port of those that Linux gives to outgoing connections, the one of the packets that verify shows."""
ICMP_FAMILY = {ICMP: 4, ICMPV6: 6}
FIRST = {ICMP: (8, 13, 15, 17), ICMPV6: (128, 139)}
"""The ICMP types that open a connection (U-21, U-22)."""
REPLIES: dict[int, tuple[int, ...]] = {ICMP: (0, 14, 16, 18), ICMPV6: (129, 140)}
ERRORS = {ICMP: (3, 4, 5, 11, 12), ICMPV6: tuple(range(128))}
UNTRACKED = {ICMP: (), ICMPV6: (*range(130, 137), 143, 151, 152)}

LISTED = 8


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of a probe as addresses of one family."""

    family: int
    source: int
    destination: int


def ends_of(probe: Probe, cluster: Cluster) -> Ends:
    """The addresses of both ends; InputError where a name is no pod's or the ends share no family."""
    if _service(probe.source, cluster) is not None:
        raise InputError(
            Origin(probe.source), "a Service, which sends nothing", "write the pod that sends, or an address"
        )
    sources = _addresses(probe.source, cluster)
    destinations = _addresses(probe.destination, cluster)
    origin = Origin(f"{probe.source} -> {probe.destination}")
    shared = [family for family in (4, 6) if family in sources and family in destinations]
    if shared and probe.protocol in ICMP_FAMILY:
        shared = [family for family in shared if family == ICMP_FAMILY[probe.protocol]]
        if not shared:
            names = {ICMP: "icmp, which is of IPv4", ICMPV6: "icmpv6, which is of IPv6"}
            remedy = "ask for the other of icmp and icmpv6, or for other ends"
            raise InputError(origin, f"the ends have no addresses for {names[probe.protocol]}", remedy)
    if probe.family:
        shared = [family for family in shared if family == probe.family]
    if not shared:
        wanted = f"IPv{probe.family} addresses" if probe.family else "addresses of the same family"
        remedy = "choose ends, and a --family, that go together"
        raise InputError(origin, f"the ends have no {wanted}", remedy)
    return Ends(shared[0], sources[shared[0]], destinations[shared[0]])


def _addresses(text: str, cluster: Cluster) -> dict[int, int]:
    try:
        family, address = parse_address(text)
    except ValueError:
        service = _service(text, cluster)
        if service is not None and not service.addresses:
            remedy = "write one of its pods, or the address that is meant"
            raise InputError(Origin(text), "a Service without an address of its own", remedy) from None
        return dict(_pod(text, cluster).addresses if service is None else service.addresses)
    if any(first <= address <= last for first, last in NEVER_FORWARDED[family]):
        problem = (
            "no packet that a node forwards has this address (unspecified, loopback, multicast, broadcast, link-local)"
        )
        raise InputError(Origin(text), problem, "write the address of a pod, of a node or of anything beyond the node")
    return {family: address}


def _service(name: str, cluster: Cluster) -> Service | None:
    """The Service of this name, None where a pod has it too."""
    if any(pod.full_name == name for pod in cluster.pods):
        return None
    return next((each for each in cluster.services if each.full_name == name), None)


def _pod(name: str, cluster: Cluster) -> Pod:
    found = next((pod for pod in cluster.pods if pod.full_name == name), None)
    if found is None:
        near = [pod.full_name for pod in cluster.pods if name.rpartition("/")[2] in pod.name]
        remedy = f"write NAMESPACE/NAME, for instance {_some(near or [pod.full_name for pod in cluster.pods])}"
        raise InputError(Origin(name), "neither an address nor a pod or Service of the snapshot", remedy)
    if not found.has_traffic:
        raise InputError(found.origin, *_without_traffic(found))
    return found


def _without_traffic(pod: Pod) -> tuple[str, str]:
    """Why a pod sends and receives nothing of its own, and what to do."""
    if pod.host_network:
        return f"pod {pod.full_name!r} is on the host's network", "write the address of its node"
    if pod.phase in ("Succeeded", "Failed"):
        return f"pod {pod.full_name!r} has finished (phase {pod.phase})", "choose a pod that runs"
    return f"pod {pod.full_name!r} has no address yet", "dump the pods again when it has status.podIPs"


def _some(names: list[str]) -> str:
    if not names:
        return "an address (the snapshot has no pod)"
    return ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")


def packet_at(
    probe: Probe, ends: Ends, cluster: Cluster, node: NodeState, profile: Profile, *, through: bool = False
) -> tuple[Path, Packet] | None:
    """The packet and its path at a node, None where neither end is a pod there.

    With `through`, a packet between two such ends is on the way to a pod: the node may send it on to one.
    """
    local = {
        pod.addresses[ends.family]: pod
        for pod in reversed(cluster.pods)
        if pod.node == node.name and pod.has_traffic and ends.family in pod.addresses
    }
    known = cluster.nodes.get(node.name)
    own = {each.address for each in node.addresses or () if each.family == ends.family}
    own |= {address for family, address in (known.addresses if known else ()) if family == ends.family}
    source, destination = local.get(ends.source), local.get(ends.destination)
    path = _path(source, destination, ends, own)
    if path is None and through:
        path = Path.NODE_TO_POD if ends.source in own else Path.REMOTE_TO_POD
    if path is None:
        return None
    ported = has_ports(probe.protocol)
    view = view_of(node, cluster, profile.bridge(node))
    packet = Packet(
        family=ends.family,
        source=ends.source,
        destination=ends.destination,
        protocol=probe.protocol,
        source_port=CLIENT_PORT if ported else 0,
        destination_port=probe.port if ported else 0,
        icmp=probe.icmp,
        state=_state(probe),
        in_interface=""
        if path is Path.NODE_TO_POD
        else _interface(source, ends.family, ends.source, node, profile, view),
        out_interface=""
        if path is Path.POD_TO_NODE
        else _interface(destination, ends.family, ends.destination, node, profile, view),
    )
    return path, crossing(packet, path, view)


def _state(probe: Probe) -> ConnState:
    """NEW, but for ICMP that opens no connection: what connection tracking can make of its type (U-21, U-22)."""
    protocol, kind = probe.protocol, probe.icmp >> 8
    if protocol not in FIRST or kind in FIRST[protocol]:
        return ConnState.NEW
    for types, state in (
        (REPLIES, ConnState.ESTABLISHED),
        (ERRORS, ConnState.RELATED),
        (UNTRACKED, ConnState.UNTRACKED),
    ):
        if kind in types[protocol]:
            return state
    return ConnState.INVALID


def _path(source: Pod | None, destination: Pod | None, ends: Ends, own: Iterable[int]) -> Path | None:
    if source and destination:
        return Path.POD_TO_POD
    if source:
        return Path.POD_TO_NODE if ends.destination in own else Path.POD_TO_REMOTE
    if destination:
        return Path.NODE_TO_POD if ends.source in own else Path.REMOTE_TO_POD
    return None


def _interface(pod: Pod | None, family: int, address: int, node: NodeState, profile: Profile, view: View) -> str:
    """By the compiler's naming, else by the most specific route; for a remote end never a pod's interface.

    A remote end on the network of the pods' bridge is reached through the bridge, every other one is not (U-42).
    """
    if pod is not None:
        named = profile.pod_interface(node, pod)
        return named or _routed(family, address, node, ())
    reserved = profile.pod_interfaces(node)
    if view.bridge is not None:
        if behind_uplink(family, address, view) is not False:
            return view.bridge.interface
        reserved = (*reserved, view.bridge.interface)
    routed = _routed(family, address, node, reserved)
    if routed:
        return routed
    wires = [name for name in node.interfaces or () if name != "lo" and not name.startswith(tuple(reserved))]
    return wires[0] if wires else "eth0"


def _routed(family: int, address: int, node: NodeState, reserved: tuple[str, ...]) -> str:
    routes = [
        route
        for route in node.routes or ()
        if route.family == family and route.interface and route.first <= address <= route.last
        if not route.interface.startswith(tuple(reserved))
    ]
    return min(routes, key=lambda route: route.last - route.first).interface if routes else ""
