"""The bytes of a packet: network header, transport header, checksums.

The packet carries its number where no rule looks: in the identification of IPv4, in the flow label of IPv6.

Spec: specs/kernel.md
"""

from __future__ import annotations

import struct
from enum import Enum

from verifier.model.fields import DCCP, ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE

ICMP_IDENTIFIER = 0x4242
EXTENSIONS = (0, 43, 44, 60)
"""IPv6 headers behind which the protocol is looked for: none of them is ever a packet's protocol."""
AUTHENTICATION, NO_NEXT_HEADER = 51, 59
_WORDS = {length: struct.Struct(f"!{length}H") for length in range(1, 128)}


class Fault(Enum):
    """What is wrong with a packet that connection tracking must call INVALID, and that no rule can read."""

    NONE = 0
    CHECKSUM = 1  # verified before routing
    LENGTH = 2  # for packets of this node, whose checksums are not verified


def datagram(family: int, source: int, destination: int, protocol: int, body: bytes, identity: int) -> bytes:
    """A whole packet: the header of the family before the body; `identity` is its number, 1 to 65535."""
    if family == 4:
        head = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(body), identity, 0, 64, protocol, 0, source, destination)
        return head[:10] + checksum(head).to_bytes(2, "big") + head[12:] + body
    ends = source.to_bytes(16, "big") + destination.to_bytes(16, "big")
    return struct.pack("!IHBB", 0x60000000 | identity, len(body), protocol, 64) + ends + body


def checksum(data: bytes) -> int:
    """The Internet checksum."""
    if len(data) & 1:
        data += b"\0"
    words = _WORDS.get(len(data) // 2) or struct.Struct(f"!{len(data) // 2}H")
    total: int = sum(words.unpack(data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def transport(
    family: int,
    ends: tuple[int, int],
    protocol: int,
    ports: tuple[int, int],
    icmp: int,
    flags: int,
    fault: Fault = Fault.NONE,
    payload: bytes = b"",
) -> bytes:
    """What follows the network header. `ends` are source and destination, `icmp` is type * 256 + code."""
    source_port, port = ports
    if protocol == TCP:
        offset = 0xF0 if fault is Fault.LENGTH else 0x50
        head = struct.pack("!HHIIBBHHH", source_port, port, 0x1000, 0x2000, offset, flags, 0xFFFF, 0, 0)
        return _summed(family, ends, protocol, head, 16, fault)
    if protocol in (UDP, UDPLITE):
        head = struct.pack("!HHHH", source_port, port, 16 if fault is Fault.LENGTH else 8, 0)
        return _summed(family, ends, UDP, head, 6, fault)
    if protocol in (ICMP, ICMPV6):
        head = struct.pack("!HHHH", icmp, 0, ICMP_IDENTIFIER, 1) + payload
        return _summed(4 if protocol == ICMP else 6, ends if family == 6 else None, protocol, head, 2, fault)
    if protocol == SCTP:
        return _sctp(source_port, port, fault)
    if protocol == DCCP:  # a request
        return struct.pack("!HHBBHBBHIII", source_port, port, 5, 0, 0, 0, 0, 1, 0, 0, 0)
    if protocol == AUTHENTICATION:
        return struct.pack("!BBHII", NO_NEXT_HEADER, 1, 0, 1, 1)
    return bytes(8)


def _summed(family: int, ends: tuple[int, int] | None, protocol: int, head: bytes, place: int, fault: Fault) -> bytes:
    """The header with its checksum at its place. UDP-Lite is summed as UDP, as connection tracking does."""
    if ends is None or protocol == ICMP:
        pseudo = b""
    elif family == 4:
        pseudo = struct.pack("!IIHH", *ends, protocol, len(head))
    else:
        pseudo = ends[0].to_bytes(16, "big") + ends[1].to_bytes(16, "big") + struct.pack("!II", len(head), protocol)
    total = checksum(pseudo + head) ^ (0x5555 if fault is Fault.CHECKSUM else 0)
    return head[:place] + (total or 0xFFFF).to_bytes(2, "big") + head[place + 2 :]


def _sctp(source_port: int, port: int, fault: Fault) -> bytes:
    """The first packet of an association: one INIT chunk."""
    length = 0 if fault is Fault.LENGTH else 20
    chunk = struct.pack("!BBHIIHHI", 1, 0, length, 0x01020304, 0xFFFF, 1, 1, 0x0A0B0C0D)
    plain = struct.pack("!HHII", source_port, port, 0, 0) + chunk
    total = _crc32c(plain) ^ (0x55555555 if fault is Fault.CHECKSUM else 0)
    return plain[:8] + struct.pack("<I", total) + plain[12:]


def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


_CRC32C = _table()


def _crc32c(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value = _CRC32C[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF
