"""Connections that packets belong to: entries of connection tracking, made before a packet is sent and taken away after it.

Spec: specs/kernel.md (KER-3, KER-4, KER-8)
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, replace

from verifier.evidence.kernel import netlink
from verifier.evidence.kernel.netlink import NESTED, Netlink, attribute, nested, netfilter
from verifier.evidence.kernel.orders import Order
from verifier.evidence.kernel.wire import ICMP_IDENTIFIER, datagram, transport
from verifier.model.fields import ICMP, ICMPV6, SCTP, TCP, UDP, ConnState, CtStatus, has_ports

NEW, DELETE = 1 << 8, 1 << 8 | 2
EXPECT_NEW = 2 << 8
SEEN_BOTH_WAYS = 0xE
"""An entry's status: confirmed, answered, assured."""
LIFE = 600
ELSEWHERE = {4: 0xC0000009, 6: 0x100 << 112 | 9}
"""What a translated connection was addressed to, or is sent from: 192.0.0.9 and 100::9, which are nobody's."""
ANSWER_OF = {
    ICMP: {8: 0, 0: 8, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17},
    ICMPV6: {128: 129, 129: 128, 139: 140, 140: 139},
}
ANSWERS = {ICMP: (0, 14, 16, 18), ICMPV6: (129, 140)}
ERRORS = {ICMP: frozenset((3, 4, 5, 11, 12)), ICMPV6: frozenset(range(128))}
"""The types of messages about what somebody sent; of ICMPv6 also those that nobody has defined yet."""
ERROR_PORTS = (40000, 40001)
"""Of the datagram that an error message is about."""
HELPER = b"ftp\0"
FTP = 21
FOLLOW_MASTER = b"nat-follow-master\0"
"""The function by which the kernel translates what a control connection announced."""
SYN, ACK = 2, 16
NEW_STATE = int(ConnState.NEW)
_PORTED = {width: struct.Struct(f"=6H{width}s2H{width}s4HB3x2H2s2x2H2s2x") for width in (4, 16)}
"""Both ends, the protocol and its ports, as nested attributes: packed at once, because every known packet needs three."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One direction of a connection; for ICMP, `icmp` is its type and code."""

    family: int
    source: int
    destination: int
    protocol: int
    source_port: int
    port: int
    icmp: int = 0

    def answered(self) -> Flow:
        """The other direction."""
        kind = ANSWER_OF.get(self.protocol, {}).get(self.icmp >> 8, self.icmp >> 8)
        return Flow(
            self.family, self.destination, self.source, self.protocol, self.port, self.source_port,
            kind << 8 | self.icmp & 0xFF,
        )  # fmt: skip

    def tuples(self, kind: int) -> bytes:
        """As an attribute of connection tracking."""
        first, width = (1, 4) if self.family == 4 else (3, 16)
        source, destination = self.source.to_bytes(width, "big"), self.destination.to_bytes(width, "big")
        if self.protocol in (ICMP, ICMPV6):
            base = 4 if self.protocol == ICMP else 7
            told = attribute(base, struct.pack("!H", ICMP_IDENTIFIER))
            told += attribute(base + 1, bytes([self.icmp >> 8])) + attribute(base + 2, bytes([self.icmp & 0xFF]))
            ends = nested(1, attribute(first, source), attribute(first + 1, destination))
            return nested(kind, ends, nested(2, attribute(1, bytes([self.protocol])), told))
        ends_length, told_length = 4 + 2 * (4 + width), 4 + 3 * 8
        return _PORTED[width].pack(
            4 + ends_length + told_length, kind | NESTED, ends_length, 1 | NESTED, 4 + width, first, source,
            4 + width, first + 1, destination, told_length, 2 | NESTED, 5, 1, self.protocol,
            6, 2, self.source_port.to_bytes(2, "big"), 6, 3, self.port.to_bytes(2, "big"),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """A connection: the direction that began it, how it is translated, its mark; with `expects`, one that leads to it.

    Where that one is translated as its master is, `follows` is the port that it gets.
    """

    flow: Flow
    translated: tuple[tuple[int, int, int], ...] = ()  # which end (CTA_NAT_SRC 6, CTA_NAT_DST 13), address, port
    mark: int = 0
    expects: Flow | None = None
    follows: int | None = None


class Connections:
    """The entries of the namespace."""

    def __init__(self) -> None:
        self._socket = Netlink(netlink.NETFILTER)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def make(self, entry: Entry) -> str:
        """Make an entry; why the kernel refuses, "" where it does not."""
        flow = entry.flow
        head = netfilter(_kind(flow))
        body = head + flow.tuples(1) + flow.answered().tuples(2)
        body += attribute(3, struct.pack("!I", SEEN_BOTH_WAYS)) + attribute(7, struct.pack("!I", LIFE))
        if entry.mark:
            body += attribute(8, struct.pack("!I", entry.mark))
        if flow.protocol == TCP:  # established, and indifferent to sequence numbers
            body += nested(4, nested(1, attribute(1, b"\x03"), attribute(4, b"\x0a\x0a"), attribute(5, b"\x0a\x0a")))
        elif flow.protocol == SCTP:
            body += nested(4, nested(3, attribute(1, b"\x04"), attribute(2, bytes(4)), attribute(3, bytes(4))))
        body += b"".join(_translation(flow, *each) for each in entry.translated)
        if entry.expects:
            body += nested(5, attribute(1, HELPER))
        refusal = self._request(NEW, body)
        if entry.expects and not refusal:
            refusal = self._request(EXPECT_NEW, _expectation(flow, entry.expects, entry.follows))
            if refusal:
                self.forget(entry)
        return refusal

    def _request(self, kind: int, body: bytes) -> str:
        try:
            self._socket.request(kind, body, netlink.CREATE | netlink.EXCLUSIVE)
        except OSError as error:
            return str(error.strerror)
        return ""

    def forget(self, entry: Entry) -> None:
        """Take an entry away, with what it leads to."""
        try:
            self._socket.request(DELETE, netfilter(_kind(entry.flow)) + entry.flow.tuples(1))
        except FileNotFoundError:  # the packet itself may end a connection
            return


def entry_for(order: Order) -> Entry | str | None:
    """The connection that an order needs: None for none, a text where there is no such connection."""
    if order.state == NEW_STATE and not order.status:
        return None
    state, status = ConnState(order.state), CtStatus(order.status)
    if order.connmark and state in (ConnState.INVALID, ConnState.UNTRACKED):
        return f"a packet that is {state.name} has no connection, and so no connection mark"
    if state in (ConnState.INVALID, ConnState.UNTRACKED):
        return f"a packet that is {state.name} has no connection that could be translated" if status else None
    error = order.icmp >> 8 in ERRORS.get(order.protocol, ())
    expected = state is ConnState.RELATED and not error
    if status is CtStatus.SNAT | CtStatus.DNAT and not expected and not _by_port(order):
        return "a connection with both ends translated changes the packet on its way, unless a port alone is changed"
    if state is ConnState.NEW:
        if order.original and status is CtStatus.DNAT:
            return None
        return "a new connection is translated by the rules alone: the packet must name what it was addressed to"
    kind = order.icmp >> 8
    if state is ConnState.RELATED and order.protocol in ANSWER_OF and not error:
        return f"only messages about errors are RELATED to a connection, and type {kind} is none"
    if state is ConnState.ESTABLISHED and kind not in ANSWER_OF.get(order.protocol, (kind,)):
        return f"no connection is made of messages of type {kind}"
    if expected:
        return _expected(order, status)
    return _translated(order, status, about=error)


def addressed(order: Order) -> tuple[int, int]:
    """The address and port that the order's packet has when it is sent.

    What is RELATED and comes with a translated destination is expected at another port, or where its protocol has none
    at another address; of a known connection whose both ends are translated, the port alone is.
    """
    if _by_port(order):
        return order.destination, order.port ^ 1 or 3
    if order.original or order.state != ConnState.RELATED or not order.status & CtStatus.DNAT:
        return order.sent_to
    if order.icmp >> 8 in ERRORS.get(order.protocol, ()):
        return order.sent_to
    return ELSEWHERE[order.family], 0


def _by_port(order: Order) -> bool:
    """Whether the destination is given back to the packet as another port at the same address."""
    if order.original or not has_ports(order.protocol) or not order.status & CtStatus.DNAT:
        return False
    both = order.status & CtStatus.SNAT
    return order.state == ConnState.RELATED or bool(order.state == ConnState.ESTABLISHED and both)


def _expected(order: Order, status: CtStatus) -> Entry | str:
    """A control connection between the same ends, which tells to expect the order's packet, translated as it is itself."""
    address, port = addressed(order)
    ported = has_ports(order.protocol)
    ports = (order.source_port, port) if ported else (0, 0)
    new = Flow(order.family, order.source, address, order.protocol, *ports, order.icmp)
    control = Flow(order.family, order.source, address, TCP, ERROR_PORTS[0], FTP)
    if order.original or not status:
        if status & CtStatus.SNAT:
            return "the source of a connection that rules send on is translated by the rules alone"
        return Entry(control, (), order.connmark, new)
    translated = ((6, ELSEWHERE[order.family], ERROR_PORTS[0]),) if status & CtStatus.SNAT else ()
    if address != order.destination:
        if translated:
            return "a connection without ports of which both ends are translated cannot be expected"
        translated = ((13, order.destination, FTP),)
    return Entry(control, translated, order.connmark, new, order.port if ported else 0)


def _translated(order: Order, status: CtStatus, *, about: bool) -> Entry | str:
    """The connection that the order's packet belongs to, or that the error message in it is about."""
    family = order.family
    ports = (order.source_port, order.port) if has_ports(order.protocol) else (0, 0)
    flow = Flow(family, order.source, order.destination, order.protocol, *ports, order.icmp)
    if about:
        flow = Flow(family, order.source, order.destination, UDP, ERROR_PORTS[1], ERROR_PORTS[0])
    if order.original:
        if about:
            return "an error message is not addressed to what a connection was addressed to"
        address, port = order.original
        sent = Flow(family, order.source, address, order.protocol, order.source_port, port, order.icmp)
        return Entry(sent, ((13, order.destination, order.port),), order.connmark)
    if _by_port(order):
        sent = replace(flow, port=addressed(order)[1])
        ends = ((13, order.destination, order.port), (6, ELSEWHERE[family], order.source_port))
        return Entry(sent, ends, order.connmark)
    if status & CtStatus.DNAT:  # seen from the end that answers: its own address is replaced on the way out
        began = Flow(
            family,
            flow.destination,
            ELSEWHERE[family],
            flow.protocol,
            flow.port,
            flow.source_port,
            flow.answered().icmp,
        )
        return Entry(began, ((13, flow.source, flow.source_port),), order.connmark)
    if status & CtStatus.SNAT:
        return Entry(flow, ((6, ELSEWHERE[family], flow.source_port),), order.connmark)
    answering = order.protocol == TCP and order.flags & SYN and order.flags & ACK
    if answering or order.icmp >> 8 in ANSWERS.get(order.protocol, ()):
        flow = flow.answered()
    return Entry(flow, (), order.connmark)


def cited(order: Order) -> bytes:
    """The datagram within an error message: it went the other way."""
    family, ends = order.family, (order.destination, order.source)
    body = transport(family, ends, UDP, ERROR_PORTS, 0, 0)
    return datagram(family, *ends, UDP, body, 1)


def _translation(flow: Flow, end: int, address: int, port: int) -> bytes:
    first = 1 if flow.family == 4 else 4
    width = 4 if flow.family == 4 else 16
    packed = address.to_bytes(width, "big")
    target = attribute(first, packed) + attribute(first + 1, packed)
    if has_ports(flow.protocol):
        number = struct.pack("!H", port)
        target += nested(3, attribute(1, number), attribute(2, number))
    return nested(end, target)


def _expectation(master: Flow, new: Flow, follows: int | None) -> bytes:
    full = (1 << (32 if new.family == 4 else 128)) - 1
    mask = Flow(new.family, full, full, new.protocol, 0xFFFF, 0xFFFF, 0xFFFF)
    translation = b""
    if follows is not None:
        begun = Flow(new.family, new.destination, new.source, new.protocol, follows, new.source_port, new.icmp)
        translation = nested(10, attribute(1, bytes(4)), begun.tuples(2)) + attribute(11, FOLLOW_MASTER)
    return (
        netfilter(_kind(new)) + master.tuples(1) + new.tuples(2) + mask.tuples(3)
        + attribute(4, struct.pack("!I", LIFE)) + attribute(6, HELPER) + translation
    )  # fmt: skip


def _kind(flow: Flow) -> int:
    return socket.AF_INET if flow.family == 4 else socket.AF_INET6
