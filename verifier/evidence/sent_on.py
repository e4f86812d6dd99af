"""A probe whose destination the node translates: the packets that it becomes, one for each destination.

Spec: specs/chains/translation.md
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from verifier.evidence.probe import Ends, packet_at
from verifier.model.cluster import Cluster
from verifier.model.effect import Target
from verifier.model.fields import CtStatus
from verifier.model.node import NodeState
from verifier.model.options import Probe
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.profile import Profile
from verifier.reference.chains import sent_to
from verifier.reference.view import view_of

MOST = 16
"""How many destinations of one range are followed."""


def ways(
    probe: Probe, ends: Ends, cluster: Cluster, node: NodeState, profile: Profile
) -> tuple[tuple[Path, Packet], ...]:
    """The packet as it is at a node, if it may stay what it is, then what it becomes where the node sends it on."""
    direct = packet_at(probe, ends, cluster, node, profile)
    sent = direct or packet_at(probe, ends, cluster, node, profile, through=True)
    if sent is None:
        return ()
    path, packet = sent
    targets, always = sent_to(packet, path, node, view_of(node, cluster, profile.bridge(node)))
    found = [direct] if direct is not None and not always else []
    for address, port in dict.fromkeys(islice(_destinations(targets, packet), MOST)):
        onward = replace(probe, port=port)
        made = packet_at(onward, Ends(ends.family, ends.source, address), cluster, node, profile)
        if made is not None:
            status = packet.ct_status | CtStatus.DNAT
            original = (packet.destination, packet.destination_port)
            found.append((made[0], replace(made[1], original=original, ct_status=status)))
    return tuple(found)


def _destinations(targets: tuple[Target, ...], packet: Packet) -> Iterator[tuple[int, int]]:
    for target in targets:
        low, high = target.ports or (packet.destination_port, packet.destination_port)
        for address in range(target.addresses[0], target.addresses[1] + 1):
            yield from ((address, port) for port in dict.fromkeys((low, high)))
