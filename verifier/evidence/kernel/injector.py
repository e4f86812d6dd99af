"""Sending packets into the hooks, and reading what became of them.

Spec: specs/kernel.md
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Mapping, Sequence

from verifier.evidence.kernel import judging
from verifier.evidence.kernel.connections import ERRORS, Connections, addressed, cited, entry_for
from verifier.evidence.kernel.dump import Dump
from verifier.evidence.kernel.namespace import Namespace
from verifier.evidence.kernel.orders import OUTPUT_HOOK, Order, Sight
from verifier.evidence.kernel.reports import Reports, Sighting
from verifier.evidence.kernel.scenery import BACKWARD, FENCE, Scenery
from verifier.evidence.kernel.taps import CONNMARK_SHIFT, CONNMARKS, OURS, Wish, connmark_element, exact_table
from verifier.evidence.kernel.wire import Fault, datagram, transport
from verifier.model.fields import ConnState

BATCH = 16
"""Packets under way at once: their reports fit into the smallest receive buffer."""
HIGHEST = 0xFFFF
TRIES = 300
"""How often a packet is sent to rules that choose by chance where it goes."""
KIND = {4: b"\x08\x00", 6: b"\x86\xdd"}


class Injector:
    """Sends orders into the namespace. `dumps` are those loaded, by family."""

    def __init__(self, space: Namespace, scenery: Scenery, dumps: Mapping[int, Dump]) -> None:
        self._space = space
        self._scenery = scenery
        self._dumps = dumps
        self.reports = Reports()
        self._connections = Connections()
        self._own = {4: _own_socket(socket.AF_INET), 6: _own_socket(socket.AF_INET6)}
        self._identity = 0
        self._connmarks: dict[int, int] = {}
        self._exact = False
        self._fence = (
            bytes([2, 0, 0, 0, 0, 1, 2, Wish.FENCE, 0, 0, 0, 0]) + KIND[4] + datagram(4, 1, 1, 17, bytes(8), 1)
        )

    def fire(self, orders: Sequence[Order]) -> list[Sight]:
        """What becomes of each order; they are sent grouped by the interface that they leave by."""
        self._space.assure()
        sights: dict[int, Sight | None] = {}
        sequence = sorted(range(len(orders)), key=lambda at: (orders[at].family, orders[at].outgoing))
        plain = [at for at in sequence if not orders[at].trace]
        for first in range(0, len(plain), BATCH):
            volley = plain[first : first + BATCH]
            sights.update(zip(volley, self._send([orders[at] for at in volley], Wish.NOTHING), strict=True))
        for at in sequence:
            if orders[at].trace:
                (sights[at],) = self._send([orders[at]], Wish.TRACE)
        return [self._settled(order, sights[at]) for at, order in enumerate(orders)]

    def _settled(self, order: Order, sight: Sight | None) -> Sight:
        """What is known of an order in the end: where rules choose a destination, one of many tries may meet the order's."""
        for _ in range(TRIES if order.original and self._dumps[order.family].chooses else 0):
            if sight is not None and not (sight.accepted is None and sight.reason.startswith(judging.SENT_ELSEWHERE)):
                return sight
            (sight,) = self._send([order], Wish.TRACE if order.trace else Wish.NOTHING)
        return sight or self._exactly(order)

    def _exactly(self, order: Order) -> Sight:
        """Send a packet again of which too little was seen, and have every place report it."""
        if not self._exact:
            self._space.must("nft", "-f", "-", text=exact_table())
            self._exact = True
        (sight,) = self._send([order], Wish.EXACT | (Wish.TRACE if order.trace else Wish.NOTHING))
        return sight or judging.lost(order)

    def _send(self, orders: Sequence[Order], wish: int) -> list[Sight | None]:
        """Packets under way together; None where the reports do not settle what became of one."""
        waiting: dict[int, Sighting] = {}
        sent = [self._shoot(order, wish, waiting) for order in orders]
        if waiting:
            self._scenery.send(FENCE, self._fence, 0)
            self.reports.read(waiting, next(iter(waiting.values())) if wish & Wish.TRACE else None)
        return [
            Sight(None, seen)
            if isinstance(seen, str)
            else judging.judge(order, seen, self._scenery, self._dumps[order.family])
            for order, seen in zip(orders, sent, strict=True)
        ]

    def _shoot(self, order: Order, wish: int, waiting: dict[int, Sighting]) -> Sighting | str:
        """Send one packet, or say why it cannot be sent."""
        entry = judging.impossible(order, self._scenery, self._dumps) or entry_for(order)
        if isinstance(entry, str):
            return entry
        index = self._connmark(order.connmark) if order.connmark and entry is None else 0
        if index >= CONNMARKS:
            return f"more than {CONNMARKS - 1} different marks of new connections"
        wish |= Wish.CONNMARK if index else Wish.NOTHING
        taken_out = order.state == ConnState.UNTRACKED and not judging.never_tracked(order)
        wish |= Wish.NOTRACK if taken_out else Wish.NOTHING
        self._lead(order)
        self._identity = self._identity % HIGHEST + 1
        sighting = Sighting()
        if entry is not None:
            refusal = self._connections.make(entry)
            if refusal:
                return f"the kernel makes no such connection ({refusal})"
        waiting[self._identity] = sighting
        try:
            if order.hook == OUTPUT_HOOK:
                sighting.error = self._send_own(order, wish, index)
            else:
                place, beyond = self._scenery.way_in(order)
                head = beyond + bytes([2, wish, 0, 0, index >> 8, index & 0xFF]) + KIND[order.family]
                self._scenery.send(place, head + self._packet(order), order.mark)
        finally:
            if entry is not None:
                self._connections.forget(entry)
        return sighting

    def _connmark(self, mark: int) -> int:
        """The number by which packets ask for a connection mark."""
        index = self._connmarks.setdefault(mark, len(self._connmarks) + 1)
        if index == len(self._connmarks) and index < CONNMARKS:
            self._space.must("nft", "-f", "-", text=connmark_element(index, mark))
        return index

    def _lead(self, order: Order) -> None:
        """Routes for the packet, for answers to it, and for a test of where its source is routed."""
        lead = self._scenery.lead
        if order.hook == OUTPUT_HOOK:
            lead(order.family, order.outgoing, BACKWARD)
            return
        if order.outgoing:
            lead(order.family, order.outgoing)
        if order.bridged and order.original:
            self._scenery.behind(order)
        lead(order.family, order.incoming if self._dumps[order.family].checks_source_routes else FENCE, BACKWARD)

    def _packet(self, order: Order) -> bytes:
        address, port = addressed(order)
        ends = (order.source, address)
        fault = Fault.NONE
        if order.state == ConnState.INVALID:
            fault = Fault.LENGTH if order.hook == OUTPUT_HOOK else Fault.CHECKSUM
        about = order.state == ConnState.RELATED and order.icmp >> 8 in ERRORS.get(order.protocol, ())
        payload = cited(order) if about else b""
        body = transport(
            order.family, ends, order.protocol, (order.source_port, port), order.icmp, order.flags, fault, payload
        )
        return datagram(order.family, *ends, order.protocol, body, self._identity)

    def _send_own(self, order: Order, wish: int, index: int) -> str:
        """Send a packet of the node itself; what the kernel says against it, "" also where a rule dropped it."""
        if order.family == 4 and not order.source:
            return "the kernel gives such a packet a source of its own"
        own = self._own[order.family]
        own.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, OURS << 16 | index << CONNMARK_SHIFT | wish)
        address = addressed(order)[0]
        if order.family == 4:
            to = socket.inet_ntop(socket.AF_INET, address.to_bytes(4, "big"))
        else:
            to = socket.inet_ntop(socket.AF_INET6, address.to_bytes(16, "big"))
        mark = (socket.SOL_SOCKET, socket.SO_MARK, struct.pack("=I", order.mark))
        try:
            own.sendmsg((self._packet(order),), (mark,), 0, (to, 0))
        except OSError as error:
            return (
                ""
                if error.errno == errno.EPERM
                else f"the kernel sends no such packet ({os.strerror(error.errno or 0)})"
            )
        return ""


def _own_socket(kind: int) -> socket.socket:
    """A socket for whole packets of the node itself."""
    own = socket.socket(kind, socket.SOCK_RAW, socket.IPPROTO_RAW)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    return own
