"""`ip -j addr` and `ip -j route` -> a node's addresses, interfaces and routes.

Spec: specs/universe.md
"""

from __future__ import annotations

from collections.abc import Iterator

from verifier.model.addresses import parse_address
from verifier.model.document import Entries, Part, shown
from verifier.model.fields import ADDRESS_BITS
from verifier.model.node import InterfaceAddress, Route
from verifier.model.origin import InputError, Origin
from verifier.readers.json_text import read_json


def read_addresses(text: str, path: str) -> tuple[tuple[InterfaceAddress, ...], tuple[str, ...]]:
    """The node's addresses and the names of its interfaces, from `ip -j addr`."""
    addresses: list[InterfaceAddress] = []
    names: list[str] = []
    for link in _entries(text, path, "ip -j addr"):
        name = link.text("ifname").partition("@")[0]
        if not name:
            continue
        names.append(name)
        for entry in link.parts("addr_info"):
            if entry.text("family") not in ("inet", "inet6") or not entry.text("local"):
                continue
            family, address = _address(entry, "local", entry.text("local"))
            prefix = entry.number("prefixlen")
            addresses.append(
                InterfaceAddress(name, family, address, ADDRESS_BITS[family] if prefix is None else prefix)
            )
    return tuple(addresses), tuple(dict.fromkeys(names))


def read_routes(text: str, path: str, family: int) -> tuple[Route, ...]:
    """The node's routes of one family, from `ip -j route` or `ip -j -6 route`.

    A route with several next hops stands once for each interface that it may leave by.
    """
    routes: list[Route] = []
    for entry in _entries(text, path, "ip -j route"):
        first, last = _network(entry, family)
        interfaces = [hop.text("dev") for hop in entry.parts("nexthops")] or [entry.text("dev")]
        kind = entry.text("type") or "unicast"
        routes.extend(Route(family, first, last, interface, kind) for interface in dict.fromkeys(interfaces))
    return tuple(routes)


def _network(entry: Part, family: int) -> tuple[int, int]:
    text = entry.text("dst")
    bits = ADDRESS_BITS[family]
    if text == "default":
        return 0, (1 << bits) - 1
    address, _, length = text.partition("/")
    found, value = _address(entry, "dst", address)
    if found != family:
        raise entry.fault(
            "dst", f"expected an IPv{family} network, found {shown(text)}", "put it into the other routes file"
        )
    if length and not (length.isascii() and length.isdigit() and len(length) < 4 and int(length) <= bits):
        raise entry.fault("dst", f"expected a network, found {shown(text)}", "record it again with `ip -j route`")
    host_bits = (1 << (bits - int(length or bits))) - 1
    return value & ~host_bits, value | host_bits


def _address(entry: Part, key: str, text: str) -> tuple[int, int]:
    try:
        return parse_address(text)
    except ValueError:
        problem = f"expected an IP address, found {shown(text or None)}"
        raise entry.fault(key, problem, "record it again with `ip -j`") from None


def _entries(text: str, path: str, command: str) -> Iterator[Part]:
    remedy = f"record it with `{command}`"
    for line, value in read_json(text, path):
        if type(value) is not list:
            raise InputError(Origin(path, line), f"expected a list, found {shown(value)}", remedy)
        for index, item in enumerate(value):
            if type(item) is not Entries:
                raise InputError(Origin(path, line), f"[{index}]: expected an object, found {shown(item)}", remedy)
            if item:  # `ip -j` prints {} for what a filter left out
                yield Part(path, f"[{index}]", item)
