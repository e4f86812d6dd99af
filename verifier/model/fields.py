"""The fields of a packet, and the labels that belong to its two ends.

Spec: specs/universe.md
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum, IntFlag

MARK_BITS = 32
ADDRESS_BITS = {4: 32, 6: 128}


class Field(Enum):
    """One numeric or textual field of a packet as a rule sees it."""

    SOURCE = "source"  # address, an integer of 32 or 128 bits
    DESTINATION = "destination"
    PROTOCOL = "protocol"  # final protocol number, 0..255
    SOURCE_PORT = "source port"  # 0..65535, only where has_ports(protocol)
    DESTINATION_PORT = "destination port"
    ICMP = "icmp"  # type * 256 + code, only where the protocol is 1 or 58
    TCP_FLAGS = "tcp flags"  # FIN=1 SYN=2 RST=4 PSH=8 ACK=16 URG=32 ECE=64 CWR=128, only for TCP
    STATE = "state"  # a ConnState
    CT_STATUS = "conntrack status"  # a CtStatus bit set: has the connection been translated
    MARK = "mark"  # 32 bits
    CONNMARK = "connmark"  # 32 bits
    IN_INTERFACE = "in-interface"  # text; empty where the packet has none
    OUT_INTERFACE = "out-interface"
    PHYS_IN = "physical in-interface"  # text; bridge port, empty where unknown
    PHYS_OUT = "physical out-interface"
    BRIDGED = "bridged"  # 1: forwarded by a bridge, 0: routed

    __hash__ = object.__hash__  # members are single; Enum hashes their names, in Python, at every look-up


class ConnState(IntEnum):
    """What connection tracking says of a packet (conntrack's ctstate)."""

    NEW = 0
    ESTABLISHED = 1
    RELATED = 2
    INVALID = 3
    UNTRACKED = 4


class CtStatus(IntFlag):
    """Whether the packet's connection has a translated source or destination."""

    SNAT = 1
    DNAT = 2


class End(Enum):
    """One of the two ends of a packet."""

    SOURCE = "source"
    DESTINATION = "destination"


class Scope(Enum):
    """Whose labels: the pod's own, its namespace's or its service account's, or those of the node that has the address."""

    POD = "pod"
    NAMESPACE = "namespace"
    SERVICE_ACCOUNT = "service account"
    NODE = "node"


NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The immutable label by which every namespace carries its own name."""

SERVICE_ACCOUNT_NAME = "projectcalico.org/name"
"""The label by which every service account carries its own name to Calico's policies."""


NODE_ITSELF = ""
"""The key under which every node has a label, which no label can have."""


@dataclass(frozen=True, slots=True)
class Label:
    """A label of one end of the packet: a field with the values absent, or a text.

    An address that is no pod's has no labels at all; every pod has the namespace label NAMESPACE_NAME and the service
    account label SERVICE_ACCOUNT_NAME. Labels of nodes are only met where no Node was read: else the addresses stand in their place (CNP-11).
    """

    end: End
    scope: Scope
    key: str


TCP, UDP, SCTP, DCCP, UDPLITE, ICMP, ICMPV6, IPIP = 6, 17, 132, 33, 136, 1, 58, 4
POLICED_PROTOCOLS = (TCP, UDP, SCTP)
"""The protocols that NetworkPolicy decides (specs/policies/network_policy.md); all others are an assumption."""

ICMP_OF = {4: ICMP, 6: ICMPV6}
"""Each family's own ICMP."""

PORT_PROTOCOLS = (TCP, UDP, UDPLITE, SCTP, DCCP)
PROTOCOL_NAMES = {
    1: "icmp", 2: "igmp", 4: "ipencap", 6: "tcp", 17: "udp", 33: "dccp", 41: "ipv6", 47: "gre", 50: "esp", 51: "ah",
    58: "ipv6-icmp", 89: "ospf", 103: "pim", 112: "vrrp", 132: "sctp", 135: "mh", 136: "udplite", 137: "mpls-in-ip",
}  # fmt: skip


def has_ports(protocol: int) -> bool:
    """Whether packets of this protocol carry source and destination ports."""
    return protocol in PORT_PROTOCOLS
