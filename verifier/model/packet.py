"""One concrete packet, as the reference walks it and a report prints it.

Spec: specs/universe.md
"""

from __future__ import annotations

from dataclasses import dataclass

from verifier.model.fields import ConnState

FREE_INTERFACE = "unknown-pod-interface"
"""Stands for a pod's interface whose name nothing read tells: no rule may match it by accident."""

FREE_PORT = "-unknown-port"
"""Stands behind the known beginning of a bridge port's name: longer than any name that a rule can ask for."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet at the moment it enters the first hook of its path.

    Addresses are integers of the family's width. Ports are 0 where the protocol has none; `icmp` is type * 256 + code
    and only read for protocols 1 and 58; `tcp_flags` only for TCP. Interfaces are "" where the packet has none.
    `original` is the address and port to which it was sent where this node gives it the destination that stands here.
    """

    family: int
    source: int
    destination: int
    protocol: int
    source_port: int = 0
    destination_port: int = 0
    icmp: int = 0
    tcp_flags: int = 2
    state: ConnState = ConnState.NEW
    ct_status: int = 0
    mark: int = 0
    connmark: int = 0
    in_interface: str = ""
    out_interface: str = ""
    phys_in: str = ""
    phys_out: str = ""
    bridged: int = 0
    original: tuple[int, int] | None = None
