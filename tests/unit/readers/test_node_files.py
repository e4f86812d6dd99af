"""Addresses and routes of a node."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.corpus_path import corpus
from verifier.model.node import InterfaceAddress, Route
from verifier.model.origin import InputError
from verifier.readers.node_files import read_addresses, read_routes


def test_addresses() -> None:
    """Every interface is named, with or without addresses; what is no IP address is read past."""
    links: list[dict[str, Any]] = [
        {"ifname": "lo", "addr_info": [{"family": "inet", "local": "127.0.0.1", "prefixlen": 8}]},
        {"ifname": "eth0@if5", "mtu": 1500, "addr_info": [{"family": "inet6", "local": "fd00::1", "prefixlen": 64, "scope": "global"}]},
        {"ifname": "veth1"},
        {"ifname": "tun0", "addr_info": [{"family": "inet", "local": "10.0.0.1"}, {"family": "mpls"}, {}]},
        {},
        {"link_type": "ether"},
    ]  # fmt: skip
    addresses, names = read_addresses(json.dumps(links), "addresses.json")
    assert names == ("lo", "eth0", "veth1", "tun0")
    assert addresses == (
        InterfaceAddress("lo", 4, 0x7F000001, 8),
        InterfaceAddress("eth0", 6, (0xFD << 120) + 1, 64),
        InterfaceAddress("tun0", 4, 0x0A000001, 32),
    )


def test_routes() -> None:
    """Default, networks, hosts, types, several next hops."""
    entries = [
        {"dst": "default", "gateway": "10.0.0.1", "dev": "eth0"},
        {"dst": "10.1.0.0/16", "dev": "eth1", "metric": 5},
        {"dst": "10.2.0.3", "dev": "veth"},
        {"type": "blackhole", "dst": "10.3.0.0/24"},
        {"dst": "10.4.0.0/24", "nexthops": [{"dev": "a"}, {"dev": "b"}, {"dev": "a"}]},
        {},
    ]
    assert read_routes(json.dumps(entries), "routes.json", 4) == (
        Route(4, 0, 2**32 - 1, "eth0"),
        Route(4, 0x0A010000, 0x0A01FFFF, "eth1"),
        Route(4, 0x0A020003, 0x0A020003, "veth"),
        Route(4, 0x0A030000, 0x0A0300FF, "", "blackhole"),
        Route(4, 0x0A040000, 0x0A0400FF, "a"),
        Route(4, 0x0A040000, 0x0A0400FF, "b"),
    )
    assert read_routes('[{"dst": "fd00::/64", "dev": "x"}, {"dst": "default"}]', "routes6.json", 6) == (
        Route(6, 0xFD << 120, (0xFD << 120) + 2**64 - 1, "x"),
        Route(6, 0, 2**128 - 1, ""),
    )


FAULTS = [
    ("", "addresses.json", None),
    ("{}", "addresses.json", "expected a list, found a mapping"),
    ("[1]", "addresses.json", "[0]: expected an object, found the number 1"),
    ('[{"ifname": 1}]', "addresses.json", "[0].ifname: expected text"),
    ('[{"ifname": "a", "addr_info": {}}]', "addresses.json", "expected a list"),
    ('[{"ifname": "a", "addr_info": [{"family": "inet", "local": "x"}]}]', "addresses.json", "expected an IP address, found 'x'"),
    ("[", "addresses.json", "not JSON"),
    ('[{"dst": "x"}]', "routes.json", "expected an IP address, found 'x'"),
    ('[{"dev": "eth0"}]', "routes.json", "expected an IP address, found nothing"),
    ('[{"dst": "10.0.0.0/33"}]', "routes.json", "expected a network, found '10.0.0.0/33'"),
    ('[{"dst": "10.0.0.0/x"}]', "routes.json", "expected a network"),
    ('[{"dst": "fd00::/64"}]', "routes.json", "expected an IPv4 network, found 'fd00::/64'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "path", "problem"), FAULTS)
def test_what_ip_does_not_print_is_an_error(text: str, path: str, problem: str | None) -> None:
    """Each fault names the file and the entry."""
    if problem is None:
        assert read_addresses(text, path) == ((), ())
        return
    with pytest.raises(InputError) as caught:
        read_addresses(text, path) if path == "addresses.json" else read_routes(text, path, 4)
    assert problem in caught.value.problem
    assert caught.value.origin.path == path
    assert caught.value.origin.line in (0, 1)


def test_every_recording_is_read() -> None:
    """All recorded address and route files read, with every interface and route that they name."""
    for path in corpus().glob("*/*/nodes/*/*.json"):
        text = path.read_text()
        entries = json.loads(text)
        if path.name == "addresses.json":
            addresses, names = read_addresses(text, str(path))
            assert len(names) == len(entries)
            assert len(addresses) == sum(len(entry.get("addr_info", [])) for entry in entries)
        else:
            routes = read_routes(text, str(path), 6 if "6" in path.name else 4)
            assert [route.interface for route in routes] == [entry.get("dev", "") for entry in entries]
