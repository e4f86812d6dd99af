"""What the kernel tells about packets on their way: reports of our places, and traces of both back ends, in order.

Spec: specs/kernel.md
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from verifier.evidence.kernel import netlink
from verifier.evidence.kernel.netlink import Netlink, attribute, attributes, netfilter, number, text
from verifier.evidence.kernel.records import Unavailable
from verifier.evidence.kernel.taps import GROUP, MARKER

LOG, TRACE = 4 << 8, 10 << 8 | 17
LOG_CONFIGURE = 4 << 8 | 1
TRACE_GROUP = 9
"""The multicast group of nf_tables' traces. The traces of the legacy back end are log lines of group 0."""
COPIED = 64
"""How many bytes of a packet a report has: up to the packet within an error message."""
ROOM = 64 << 20
PREFIX, MARK, PAYLOAD = 10, 2, 9
INCOMING, OUTGOING, PORT_IN, PORT_OUT = 4, 5, 6, 7
POLICY, RETURN, RULE = 1, 2, 3
CONTINUE = -1
_LENGTHS, _ATTRIBUTE, _WORD = struct.Struct("=IH"), struct.Struct("=HH"), struct.Struct("!I")
_LEGACY = re.compile(r"TRACE: ([^:]+):(.*):(rule|return|policy):(\d+) $")
_MARKER = MARKER.encode()
_FAMILIES = {int(socket.AF_INET): 4, int(socket.AF_INET6): 6}


@dataclass(slots=True)
class Sighting:
    """One packet, as far as it was seen.

    `begun` is the report of a hook's first place ("F<0"), with `interfaces` (in, out, port in, port out, by index; of the
    last place before where it did not get so far) and `destination` (address and port in network order). `ended`: it got past the hook; `left`: its mark when it got past
    everything. `steps` are (table, chain, number or 0, mark).
    """

    begun: str = ""
    interfaces: tuple[int, int, int, int] = (0, 0, 0, 0)
    destination: bytes = b""
    ended: bool = False
    left: int | None = None
    reply: str = ""
    places: list[str] = field(default_factory=list)
    steps: list[tuple[str, str, int, int]] = field(default_factory=list)
    error: str = ""


class Reports:
    """The socket on which the kernel reports; everything arrives in the order in which it happened."""

    def __init__(self) -> None:
        self._socket = Netlink(netlink.NETFILTER, ROOM)
        self._bind(GROUP)
        self._bind(0)
        self._socket.join(TRACE_GROUP)
        self._buffer = bytearray(1 << 16)
        self._only: Sighting | None = None
        self.rules: Mapping[tuple[int, str, int], tuple[str, int]] = {}
        """Of nf_tables: (family, table, handle) -> chain and number of a rule."""
        self.counts: Mapping[tuple[int, str, str], int] = {}
        """Of the legacy tables: (family, table, chain) -> how many rules."""

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def _bind(self, group: int) -> None:
        head = netfilter(socket.AF_UNSPEC, group)
        for command in (
            attribute(1, b"\x01"),
            attribute(2, struct.pack("!IBB", COPIED, 2, 0)),
            attribute(5, _WORD.pack(1)),
        ):
            self._socket.request(LOG_CONFIGURE, head + command)

    def read(self, waiting: Mapping[int, Sighting], only: Sighting | None = None) -> None:
        """Take in all reports up to the fence. `waiting` are the packets under way by number; `only` is the one traced.

        Raises Unavailable where reports were lost, or tell of packets that are not under way.
        """
        receive, buffer = self._socket.socket.recv_into, self._buffer
        self._only = current = only
        while True:
            try:
                size = receive(buffer)
            except TimeoutError as error:
                raise Unavailable("the kernel did not report a packet in time") from error
            except OSError as error:
                raise Unavailable(f"reports of the kernel were lost ({error.strerror})") from error
            at = 0
            while at < size:
                length, kind = _LENGTHS.unpack_from(buffer, at)
                if kind == LOG:
                    report, found = self._log(at + 20, at + length, waiting, current)
                    if report == "fence":
                        return
                    current = found
                elif kind == TRACE and only is not None:
                    self._trace(only, at + 16, at + length)
                at += (length + 3) & ~3

    def _log(
        self, at: int, end: int, waiting: Mapping[int, Sighting], current: Sighting | None
    ) -> tuple[str, Sighting | None]:
        """One log line: what it says, and whose it is."""
        buffer, unpack = self._buffer, _ATTRIBUTE.unpack_from
        values = [0] * 8
        prefix, payload = b"", 0
        while at + 4 <= end:
            length, kind = unpack(buffer, at)
            if kind == PREFIX:
                prefix = bytes(buffer[at + 4 : at + length - 1])
            elif kind == PAYLOAD:
                payload = at + 4
            elif kind < 8 and kind not in (1, 3):
                values[kind] = int.from_bytes(buffer[at + 4 : at + length], "big")
            at += (length + 3) & ~3
        if not prefix.startswith(_MARKER):
            if self._only is not None:
                self._legacy(self._only, prefix.decode(errors="replace"), values[MARK], buffer[payload] >> 4)
            return "", current
        report = prefix[len(_MARKER) :].decode()
        if report == "fence":
            return report, None
        sighting = self._whose(report, payload, waiting, current)
        if report[0] == "R":
            sighting.reply = sighting.reply or report[2:]
        elif report[1] == "<":
            self._begin(sighting, report, values, payload)
        elif report in ("Q>", "I>"):
            sighting.ended, sighting.left = True, values[MARK]
        elif report[1] == ">":
            sighting.ended = True
        else:
            sighting.places.append(report)
            if not sighting.begun:
                sighting.interfaces = (values[INCOMING], values[OUTGOING], values[PORT_IN], values[PORT_OUT])
        return report, sighting

    def _whose(self, report: str, payload: int, waiting: Mapping[int, Sighting], current: Sighting | None) -> Sighting:
        """The packet of a report; an answer names it in the packet that it cites, a reset follows upon its packet."""
        buffer = self._buffer
        place = payload + (4 if buffer[payload] >> 4 == 4 else 2)
        if report[0] == "R":
            if report == "R:rst":
                if current is None:
                    raise Unavailable("the kernel reset a connection that is not under way")
                return current
            place = payload + (20 + 8 + 4 if report == "R:icmp" else 40 + 8 + 2)
        found = waiting.get(buffer[place] << 8 | buffer[place + 1])
        if found is None:
            raise Unavailable(f"the kernel reported a packet that is not under way ({report})")
        return found

    def _begin(self, sighting: Sighting, report: str, values: list[int], payload: int) -> None:
        buffer = self._buffer
        sighting.begun = report
        sighting.interfaces = (values[INCOMING], values[OUTGOING], values[PORT_IN], values[PORT_OUT])
        if buffer[payload] >> 4 == 4:
            sighting.destination = bytes(buffer[payload + 16 : payload + 20] + buffer[payload + 22 : payload + 24])
        else:
            sighting.destination = bytes(buffer[payload + 24 : payload + 40] + buffer[payload + 42 : payload + 44])

    def _legacy(self, sighting: Sighting, line: str, mark: int, family: int) -> None:
        """A step that the legacy back end tells: unconditional rules it may call policy or return, by their number."""
        told = _LEGACY.match(line)
        if told is None:
            return
        table, chain, place = told[1], told[2], int(told[4])
        if sighting.steps:
            before = sighting.steps[-1]
            sighting.steps[-1] = (*before[:3], mark)
        rules = self.counts.get((family, table, chain))
        if rules is not None and place <= rules:
            sighting.steps.append((table, chain, place, mark))
        elif told[3] == "policy":
            sighting.steps.append((table, chain, 0, mark))

    def _trace(self, sighting: Sighting, begin: int, end: int) -> None:
        """A step that nf_tables tells."""
        family = _FAMILIES.get(self._buffer[begin])
        if family is None:  # tables of our own are of both families
            return
        found = attributes(self._buffer, begin + 4, end)
        table = text(found, 1)
        kind = number(found, 4)
        if kind == POLICY:
            sighting.steps.append((table, text(found, 2), 0, number(found, 14)))
        elif kind == RULE and 3 in found:
            rule = self.rules.get((family, table, number(found, 3)))
            if rule is not None:
                sighting.steps.append((table, rule[0], rule[1], number(found, 14)))
