"""Packets as the lines of a page write them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

from verifier.model.cluster import Cluster
from verifier.model.fields import PROTOCOL_NAMES, ConnState, CtStatus, has_ports
from verifier.model.packet import Packet

PROTOCOLS = {name: number for number, name in PROTOCOL_NAMES.items()} | {"icmpv6": 58, "ipip": 4}
FLAGS = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32, "ECE": 64, "CWR": 128, "NONE": 0}
SOURCE_PORT, DESTINATION_PORT = 40000, 80
ECHO_REQUEST = {1: 8 << 8, 58: 128 << 8}
INTERFACES = {"forward": ("eth0", "eth1"), "input": ("eth0", ""), "output": ("", "eth0")}


@dataclass(frozen=True, slots=True)
class PacketLine:
    """A packet as written: `words` before it, its ends with ports (None: not given), and the options after it."""

    words: tuple[str, ...]
    protocol: int
    source: tuple[str, int | None]
    destination: tuple[str, int | None]
    options: Mapping[str, str] = field(default_factory=dict)
    final_mark: int | None = None

    def packet(self, cluster: Cluster, hook: str = "forward") -> Packet:
        """The packet itself; pods are looked up in the cluster."""
        family = self._family(cluster)
        inward, outward = INTERFACES[hook]
        option = self.options.get
        ports = has_ports(self.protocol)
        return Packet(
            family=family,
            source=_address(self.source[0], family, cluster),
            destination=_address(self.destination[0], family, cluster),
            protocol=self.protocol,
            source_port=_given(self.source[1], SOURCE_PORT) if ports else 0,
            destination_port=_given(self.destination[1], DESTINATION_PORT) if ports else 0,
            icmp=_icmp(option("icmp"), self.protocol),
            tcp_flags=_flags(option("flags", "SYN")) if self.protocol == 6 else 0,
            state=ConnState[option("state", "NEW")],
            ct_status=_status(option("ctstatus", "")) | (CtStatus.DNAT if "sentto" in self.options else 0),
            mark=int(option("mark", "0"), 0),
            connmark=int(option("connmark", "0"), 0),
            in_interface=option("in", inward),
            out_interface=option("out", outward),
            phys_in=option("physin", ""),
            phys_out=option("physout", ""),
            bridged=int(option("bridged", "0")),
            original=_sent_to(option("sentto"), family, cluster),
        )

    def _family(self, cluster: Cluster) -> int:
        if "family" in self.options:
            return int(self.options["family"])
        for end in (self.source[0], self.destination[0]):
            if not _is_pod(end):
                return ip_address(end).version
        return 4


def _sent_to(text: str | None, family: int, cluster: Cluster) -> tuple[int, int] | None:
    """Where a translated packet was sent."""
    if text is None:
        return None
    address, port = _end(text)
    return _address(address, family, cluster), _given(port, DESTINATION_PORT)


def _given(port: int | None, default: int) -> int:
    return default if port is None else port


def parse_line(line: str) -> PacketLine:
    """A line of a page; ValueError where it does not follow the grammar."""
    tokens = shlex.split(line)
    if "->" not in tokens or tokens.index("->") < 2 or tokens.index("->") + 1 >= len(tokens):
        raise ValueError(f"expected ... PROTOCOL END -> END ..., found {line!r}")
    arrow = tokens.index("->")
    options: dict[str, str] = {}
    final_mark: int | None = None
    for token in tokens[arrow + 2 :]:
        key, equals, value = token.partition("=")
        if not equals:
            raise ValueError(f"expected KEY=VALUE, found {token!r} in {line!r}")
        if key == "mark" and value.startswith(">"):
            final_mark = int(value[1:], 0)
        else:
            options[key] = value
    name = tokens[arrow - 2]
    return PacketLine(
        tuple(tokens[: arrow - 2]),
        int(name) if name.isdigit() else PROTOCOLS[name],
        _end(tokens[arrow - 1]),
        _end(tokens[arrow + 1]),
        options,
        final_mark,
    )


def _end(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        address, _, rest = text[1:].partition("]")
        return address, int(rest[1:]) if rest else None
    if text.count(":") > 1:
        return text, None
    address, colon, port = text.partition(":")
    return address, int(port) if colon else None


def _is_pod(end: str) -> bool:
    return "/" in end


def _address(end: str, family: int, cluster: Cluster) -> int:
    if not _is_pod(end):
        return int(ip_address(end))
    for pod in cluster.pods:
        if pod.full_name == end:
            return pod.addresses[family]
    raise ValueError(f"no pod {end} in this world")


def _icmp(text: str | None, protocol: int) -> int:
    if text is None:
        return ECHO_REQUEST.get(protocol, 0)
    kind, _, code = text.partition("/")
    return (int(kind) << 8) + int(code or 0)


def _flags(text: str) -> int:
    if text[0].isdigit():
        return int(text, 0)
    return sum(FLAGS[name] for name in text.split(","))


def _status(text: str) -> int:
    return sum(CtStatus[name] for name in text.split(",") if name)
