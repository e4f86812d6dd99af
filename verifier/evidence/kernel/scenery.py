"""The interfaces, bridges, addresses and routes of a namespace, as a stage asks for them.

An interface is one end of a pair; what is written to its other end comes in by it. Where packets leave is told by the
default route, which is moved for each packet; where answers leave and where a source would be routed to, by another
table, which only packets of this node consult.

Spec: specs/kernel.md (KER-6, KER-7)
"""

from __future__ import annotations

import socket
import struct
import time

from verifier.evidence.kernel import netlink
from verifier.evidence.kernel.namespace import RUNNING, Namespace, flags
from verifier.evidence.kernel.netlink import Netlink, attribute
from verifier.evidence.kernel.orders import Order
from verifier.evidence.kernel.records import Stage, Unavailable
from verifier.evidence.kernel.standins import OTHER, real_name
from verifier.model.addresses import address_text

HARDWARE = "02:00:00:00:00:01"
"""The address of every interface that packets are routed through."""
INWARD = "cproof-in"
"""Begins the names of the other ends."""
FENCE = "cproof-end"
NEW_ROUTE, DELETE_ROUTE = 24, 25
ATTEMPTS = 5000
"""How many milliseconds an interface may take to come up."""
MAIN, BACKWARD = 254, 100
"""The routing tables: of packets on their way, and of packets of this node."""
SETTINGS = (
    ("net/ipv4/ip_forward", 1),
    ("net/ipv6/conf/all/forwarding", 1),
    *((f"net/ipv4/conf/{which}/{name}", value) for which in ("all", "default") for name, value in (
        ("rp_filter", 0), ("accept_local", 1), ("route_localnet", 1), ("send_redirects", 0))),
    ("net/ipv6/conf/all/accept_dad", 0),
    ("net/ipv6/conf/default/accept_dad", 0),
    ("net/ipv4/icmp_ratelimit", 0),
    ("net/ipv6/icmp/ratelimit", 0),
)  # fmt: skip
"""What filters or limits outside of the tables is switched off."""
OPTIONAL_SETTINGS: tuple[tuple[str, int | str], ...] = (
    ("net/ipv4/icmp_msgs_per_sec", 1_000_000),  # of the namespace only since Linux 6.13
    ("net/ipv4/icmp_msgs_burst", 1_000_000),
    ("net/netfilter/nf_log/2", "nfnetlink_log"),  # where the legacy back end traces to
    ("net/netfilter/nf_log/10", "nfnetlink_log"),
)
CONNTRACK_SETTINGS = (("net/netfilter/nf_conntrack_tcp_loose", 1), ("net/netfilter/nf_conntrack_checksum", 1))


class Scenery:
    """What was built. `index` and `name` translate interfaces; `bridge_of` tells the bridge of a port.

    `stand_ins` are the names that packets carry and the kernel does not, with what the kernel has in their place.
    """

    def __init__(self, space: Namespace, stage: Stage) -> None:
        self.space = space
        self.index: dict[str, int] = {}
        self.name = {socket.if_nametoindex("lo"): "lo"}
        self.stand_ins: dict[str, str] = {}
        self.bridge_of: dict[str, str] = {}
        self.hardware: dict[str, bytes] = {}
        self._inward: dict[str, socket.socket] = {}
        self._routes = Netlink(netlink.ROUTE)
        self._behind: dict[tuple[str, int], str] = {}
        self._leads: dict[tuple[int, int], str] = {}
        for name, value in SETTINGS:
            space.setting(name, value)
        for name, choice in OPTIONAL_SETTINGS:
            space.setting(name, choice, optional=True)
        space.must("ip", "link", "set", "lo", "up")
        for family in (4, 6):
            space.must("ip", f"-{family}", "rule", "add", "iif", "lo", "lookup", str(BACKWARD), "pref", str(BACKWARD))
        for bridge, ports in stage.bridges:
            self._bridge(bridge, ports)
        for name in stage.interfaces:
            self.add(name)
        self._pair(FENCE)
        for interface, family, address, length in dict.fromkeys(stage.addresses):
            self.address(interface, family, address, length)

    def add(self, name: str) -> None:
        """An interface of this name, unless there is one."""
        if name not in self.index:
            self._pair(name)
            self.hardware[name] = bytes.fromhex(HARDWARE.replace(":", ""))

    def address(self, interface: str, family: int, address: int, length: int) -> None:
        """An address of the node; nothing is routed to its network but the address itself."""
        text = f"{address_text(family, address)}/{length}"
        more = ("nodad",) if family == 6 else ()
        self.space.must("ip", "addr", "add", text, "dev", self._real(interface), "noprefixroute", *more)

    def send(self, interface: str, frame: bytes, mark: int) -> None:
        """Write a frame so that it comes in by an interface, with a packet mark."""
        way = self._inward[interface]
        if mark:
            way.sendmsg((frame,), ((socket.SOL_SOCKET, socket.SO_MARK, struct.pack("=I", mark)),))
        else:
            way.send(frame)

    def way_in(self, order: Order) -> tuple[str, bytes]:
        """Where a frame must be written, and to which hardware address: a bridge's other port, or ours.

        Ours also where the rules are to give the packet its destination: a stray of another hardware address that ends
        here would be confirmed by connection tracking (br_nf_local_in).
        """
        beyond = order.bridged and not order.original
        return order.port_in or order.incoming, self.hardware[order.port_out if beyond else order.incoming]

    def wanted(self, order: Order) -> tuple[int, int, int, int]:
        """The interfaces and ports that an order asks for, by index; 0 for none."""
        index = self.index.get
        return index(order.incoming, 0), index(order.outgoing, 0), index(order.port_in, 0), index(order.port_out, 0)

    def lead(self, family: int, interface: str, table: int = MAIN) -> None:
        """Let everything of a family, or all of what this node sends, leave by an interface."""
        if self._leads.get((family, table)) == interface:
            return
        kind = socket.AF_INET if family == 4 else socket.AF_INET6
        scope = 253 if family == 4 else 0
        head = struct.pack("=BBBBBBBBI", kind, 0, 0, 0, table, 4, scope, 1, 0)
        body = attribute(4, struct.pack("=I", self.index[interface])) + attribute(6, struct.pack("=I", 1))
        self._routes.request(NEW_ROUTE, head + body, netlink.CREATE | netlink.REPLACE)
        self._leads[family, table] = interface

    def behind(self, order: Order) -> None:
        """Let the bridge know behind which port the destination is that the rules give a packet."""
        key = (order.outgoing, order.destination)
        if self._behind.get(key) != order.port_out:
            address = address_text(order.family, order.destination)
            beyond = ":".join(f"{byte:02x}" for byte in self.hardware[order.port_out])
            to = f"{address} lladdr {beyond} dev {self._real(order.outgoing)} nud permanent"
            self.space.must("ip", "neigh", "replace", *to.split())
            self._behind[key] = order.port_out

    def close(self) -> None:
        """Close what is open; the interfaces end with the namespace."""
        self._routes.close()
        for way in self._inward.values():
            way.close()

    def _pair(self, name: str) -> None:
        """An interface with its other end: no address resolution, no messages of its own."""
        real, other = self._real(name), f"{INWARD}{len(self._inward)}"
        if name.startswith(INWARD):
            raise Unavailable(f"the stage cannot have an interface {name}: such names are taken")
        self.space.must(
            "ip", "-batch", "-",
            text=f"link add name {real} address {HARDWARE} type veth peer name {other}\n"
            f"link set {other} addrgenmode none arp off up\nlink set {real} addrgenmode none arp off up\n",
        )  # fmt: skip
        self._know(name)
        _await(real)
        _await(other)
        way = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        way.bind((other, 0))
        self._inward[name] = way

    def _real(self, name: str) -> str:
        """The kernel's name of an interface; a stand-in where it can have none of this name."""
        if name not in self.stand_ins:
            real = real_name(name, len(self.stand_ins))
            if real == name:
                return name
            self.stand_ins[name] = real
        return self.stand_ins[name]

    def _know(self, name: str) -> None:
        index = socket.if_nametoindex(self._real(name))
        self.index[name], self.name[index] = index, name

    def _bridge(self, name: str, ports: tuple[str, ...]) -> None:
        """A bridge that asks iptables; the hardware address of a frame says by which port it leaves."""
        real = self._real(name)
        self.space.must(
            "ip", "-batch", "-",
            text=f"link add name {real} address {HARDWARE} type bridge\n"
            f"link set {real} type bridge mcast_snooping 0 ageing_time 0\nlink set {real} addrgenmode none arp off up\n",
        )  # fmt: skip
        self._know(name)
        self.hardware[name] = bytes.fromhex(HARDWARE.replace(":", ""))
        doubled = [port + OTHER for port in ports if self._real(port) != port]
        for number, port in enumerate((*ports, *doubled)):
            self.bridge_of[port] = name
            self._pair(port)
            at = f"{number >> 8:02x}:{number & 255:02x}"
            beyond = f"02:00:00:02:{at}"
            self.hardware[port] = bytes.fromhex(beyond.replace(":", ""))
            device = self._real(port)
            self.space.must("ip", "link", "set", device, "address", f"02:00:00:01:{at}", "master", real)
            self.space.must("bridge", "link", "set", "dev", device, "learning", "off")
            self.space.must("bridge", "fdb", "add", beyond, "dev", device, "master", "static")
        for which in ("ip", "ip6"):
            self.space.setting(f"net/bridge/bridge-nf-call-{which}tables", 1)


def _await(interface: str) -> None:
    """Wait until an interface takes packets, which is a little after it is up: before that they are lost."""
    for _ in range(ATTEMPTS):
        if flags(interface) & RUNNING:
            return
        time.sleep(0.001)
    raise Unavailable(f"the interface {interface} does not come up")
