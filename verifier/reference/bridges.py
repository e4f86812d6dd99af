"""By which bridge ports a packet comes and leaves, where a node's pods are ports of one bridge.

Spec: specs/universe.md (U-40 to U-42)
"""

from __future__ import annotations

from dataclasses import replace

from verifier.model.packet import FREE_PORT, Packet
from verifier.model.path import Path
from verifier.reference.view import View


def behind_uplink(family: int, address: int, view: View) -> bool | None:
    """Whether a remote address is on the bridge's network; None where the network is not known (U-42)."""
    ranges = view.networks.get(family)
    return None if ranges is None else any(first <= address <= last for first, last in ranges)


def crossing(packet: Packet, path: Path, view: View) -> Packet:
    """The packet with the ports that its interfaces give it (U-41); a pod's port has a name that no rule can ask for."""
    bridge = view.bridge
    if bridge is None:
        return packet
    pod = bridge.pod_ports + FREE_PORT
    comes = packet.in_interface == bridge.interface
    stays = comes and packet.out_interface == bridge.interface
    entry = bridge.uplink if path is Path.REMOTE_TO_POD else pod
    way_out = bridge.uplink if path is Path.POD_TO_REMOTE else pod
    return replace(packet, phys_in=entry if comes else "", phys_out=way_out if stays else "", bridged=int(stays))


def misdirected(packet: Packet, path: Path, view: View) -> str:
    """Why the packet cannot cross the node's bridge like this, "" where it can or where no bridge is known."""
    bridge = view.bridge
    if bridge is None:
        return ""
    if crossing(packet, path, view) != packet:
        return f"it comes by port {packet.phys_in or 'none'} and leaves by {packet.phys_out or 'none'}"
    ends = {
        Path.REMOTE_TO_POD: (packet.source, packet.in_interface),
        Path.POD_TO_REMOTE: (packet.destination, packet.out_interface),
    }
    if path in ends:
        address, interface = ends[path]
        behind = behind_uplink(packet.family, address, view)
        if behind is not None and behind != (interface == bridge.interface):
            return f"its remote end is {'' if behind else 'not '}on the network of {bridge.interface}"
    return ""
