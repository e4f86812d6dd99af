"""As much of netlink as the kernel oracle needs: acknowledged requests, dumps, and events read in order.

Spec: specs/kernel.md
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator, Mapping

from verifier.evidence.kernel.records import Unavailable

ROUTE, NETFILTER = 0, 12
REQUEST, ACKNOWLEDGE, DUMP = 1, 4, 0x300
REPLACE, EXCLUSIVE, CREATE = 0x100, 0x200, 0x400
ERROR, DONE = 2, 3
NESTED = 0x8000
KIND = 0x3FFF
SOL_NETLINK, ADD_MEMBERSHIP = 270, 1
RECEIVE_BUFFER_FORCE = 33
HEADER = struct.Struct("=IHHII")
ATTRIBUTE = struct.Struct("=HH")
PATIENCE = 10.0
"""Seconds after which an answer of the kernel is given up."""
ROOM = 1 << 16


def attribute(kind: int, payload: bytes) -> bytes:
    """One attribute, padded."""
    length = len(payload) + 4
    return ATTRIBUTE.pack(length, kind) + payload + bytes(-length & 3)


def nested(kind: int, *parts: bytes) -> bytes:
    """An attribute of attributes."""
    return attribute(kind | NESTED, b"".join(parts))


def attributes(data: bytes | bytearray, begin: int, end: int) -> dict[int, bytes]:
    """One level of attributes between two offsets, by kind."""
    found: dict[int, bytes] = {}
    unpack = ATTRIBUTE.unpack_from
    while begin + 4 <= end:
        length, kind = unpack(data, begin)
        if length < 4:
            break
        found[kind & KIND] = bytes(data[begin + 4 : begin + length])
        begin += (length + 3) & ~3
    return found


def netfilter(family: int, resource: int = 0) -> bytes:
    """The header of a netfilter message: address family and resource."""
    return struct.pack("=BB", family, 0) + struct.pack("!H", resource)


class Netlink:
    """A netlink socket of this process."""

    def __init__(self, protocol: int, room: int = 0) -> None:
        """`room` is the size of the receive buffer in bytes, as far as the kernel grants it; 0 leaves it."""
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        self.socket.bind((0, 0))
        self.socket.settimeout(PATIENCE)
        self._sequence = 0
        if room:
            try:
                self.socket.setsockopt(socket.SOL_SOCKET, RECEIVE_BUFFER_FORCE, room)
            except PermissionError:  # in a user namespace: up to the machine's limit
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()

    def join(self, group: int) -> None:
        """Receive what the kernel tells this multicast group."""
        self.socket.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, group)

    def request(self, kind: int, body: bytes, flags: int = 0) -> None:
        """Ask for something to be done; OSError with the kernel's error where it refuses."""
        sequence = self._send(kind, REQUEST | ACKNOWLEDGE | flags, body)
        for answer, number, data, begin, _ in self._messages():
            if number == sequence and answer == ERROR:
                _raise(struct.unpack_from("=i", data, begin)[0])
                return

    def dump(self, kind: int, body: bytes) -> Iterator[tuple[bytes, int, int]]:
        """All objects of a kind: (buffer, begin, end) of each message's body."""
        sequence = self._send(kind, REQUEST | DUMP, body)
        for answer, number, data, begin, end in self._messages():
            if number != sequence:
                continue
            if answer == DONE:
                return
            if answer == ERROR:
                _raise(struct.unpack_from("=i", data, begin)[0])
            yield data, begin, end

    def _send(self, kind: int, flags: int, body: bytes) -> int:
        self._sequence += 1
        self.socket.send(HEADER.pack(16 + len(body), kind, flags, self._sequence, 0) + body)
        return self._sequence

    def _messages(self) -> Iterator[tuple[int, int, bytes, int, int]]:
        """Messages without end: kind, sequence number, buffer, begin and end of the body."""
        while True:
            try:
                data = self.socket.recv(ROOM)
            except TimeoutError as error:
                raise Unavailable(f"the kernel did not answer within {PATIENCE:.0f} s") from error
            at = 0
            while at + 16 <= len(data):
                length, kind, _, sequence, _ = HEADER.unpack_from(data, at)
                yield kind, sequence, data, at + 16, at + length
                at += (length + 3) & ~3


def number(found: Mapping[int, bytes], kind: int) -> int:
    """An attribute that is a number in network order; 0 where it is absent, as the kernel leaves out zeros."""
    return int.from_bytes(found.get(kind, b""), "big")


def text(found: Mapping[int, bytes], kind: int) -> str:
    """An attribute that is a text; "" where it is absent."""
    return found.get(kind, b"").rstrip(b"\0").decode()


def _raise(error: int) -> None:
    if error:
        raise OSError(-error, os.strerror(-error))
