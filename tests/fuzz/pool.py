"""The constants of one random world: a few addresses, ports, marks and names that its rules, sets and packets share.

Rules that draw from few constants meet each other's packets; packets that lie at these constants, or right beside them,
tell apart what random ones would not.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

from tests.fuzz.world import BRIDGE, INTERFACES, OWN
from verifier.model.addresses import address_text
from verifier.model.fields import ADDRESS_BITS

Value = TypeVar("Value")

ROOTS = {
    4: ((0x0A000000, 8), (0xAC100000, 12), (0xC0A80000, 16), (0x64400000, 10), (0x5DB80000, 15), (0xC6336400, 24)),
    6: ((0xFD01 << 112, 16), (0x20010DB8 << 96, 32), (0xFD00 << 112, 64), (0x2A00 << 112, 12), (0x64FF9B << 96, 96)),
}
WIDE = {4: ((0, 1), (1 << 31, 2), (0x40000000, 3)), 6: ((0, 1), (0x2 << 124, 3))}
"""Networks that rules use for "everything", which hold more than what packets can have."""
NAMES = ("eth0", "eth1", "cali1", "cali12", "eth+", "cali+", "cali1+", "br0", "br+", "e+", "lo", "cali123", "x9")
PORT_NAMES = ("p1", "p2", "p+", "p1+", "eth0", "q7")
EDGES = (0, 1, 79, 80, 81, 443, 1023, 1024, 32767, 65534, 65535)
PROTOCOLS = (6, 6, 6, 6, 17, 17, 17, 132, 33, 136, 1, 1, 47, 50, 4, 89, 2)


class Pool:
    """Draws constants; `choose` is the only source of chance of a world, and `opaque` says whether its rules use chance."""

    def __init__(self, choose: random.Random, family: int) -> None:
        self.choose = choose
        self.family = family
        self.bits = ADDRESS_BITS[family]
        self.networks: list[tuple[int, int]] = []
        for _ in range(choose.randint(4, 8)):
            self.networks.append(self._network())
        self.hosts = [self.inside(self.pick(self.networks)) for _ in range(choose.randint(4, 8))] + [OWN[family][0]]
        self.ports = [self._port() for _ in range(choose.randint(3, 6))]
        self.spans = [self._span() for _ in range(3)]
        self.bits_of_marks = [1 << choose.randrange(32) for _ in range(3)]
        self.icmps = [self._icmp() for _ in range(4)]
        self.opaque = self.chance(0.2)

    def pick(self, values: Sequence[Value]) -> Value:
        """One of some values."""
        return values[int(self.choose.random() * len(values))]

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.choose.random() < probability

    def no(self, probability: float = 0.25) -> str:
        """The sign that inverts a test, or nothing."""
        return "! " if self.chance(probability) else ""

    def _network(self) -> tuple[int, int]:
        """First address and prefix length: a root, something inside another network, or nearly everything."""
        if self.chance(0.08):
            return self.pick(WIDE[self.family])
        first, length = (
            self.pick(self.networks) if self.networks and self.chance(0.5) else self.pick(ROOTS[self.family])
        )
        steps = (0, 1, 2, 4, 8) if self.family == 4 else (0, 1, 8, 16, 33, 63)
        longer = min(self.bits, length + self.pick(steps))
        return self._cut(self.inside((first, length)), longer), longer

    def _cut(self, address: int, length: int) -> int:
        spare = self.bits - length
        return address >> spare << spare

    def inside(self, network: tuple[int, int]) -> int:
        """An address of a network, often one of its ends."""
        first, length = network
        last = first | (1 << (self.bits - length)) - 1
        return self.pick((first, last, self.choose.randint(first, last), self.choose.randint(first, last)))

    def network(self) -> tuple[int, int]:
        """A network or a host of this world, as its first address and prefix length."""
        return self.pick(self.networks) if self.chance(0.6) else (self.pick(self.hosts), self.bits)

    def text(self, network: tuple[int, int]) -> str:
        """A network as rules write it."""
        return f"{address_text(self.family, network[0])}/{network[1]}"

    def host(self) -> int:
        """An address of this world."""
        return self.pick(self.hosts) if self.chance(0.7) else self.inside(self.pick(self.networks))

    def address(self, value: int) -> str:
        """An address as text."""
        return address_text(self.family, value)

    def _port(self) -> int:
        return self.pick(EDGES) if self.chance(0.6) else self.choose.randrange(65536)

    def _span(self) -> tuple[int, int]:
        low, high = sorted((self.pick(self.ports), min(65535, self.pick(self.ports) + self.pick((0, 1, 10, 1000)))))
        return (low, high) if (low, high) != (0, 65535) else (1, high)

    def span(self) -> tuple[int, int]:
        """A range of ports, often of one, never all."""
        if self.chance(0.6):
            port = self.pick(self.ports)
            return port, port
        return self.pick(self.spans)

    def mask(self) -> int:
        """A mask of some of the world's mark bits."""
        if self.chance(0.15):
            return self.pick((0xFFFFFFFF, 0, 0xFF, 0xFFFF0000))
        mask = 0
        for bit in self.bits_of_marks:
            mask |= bit if self.chance(0.6) else 0
        return mask or self.bits_of_marks[0]

    def mark(self) -> int:
        """A value of the mark."""
        value = 0
        for bit in self.bits_of_marks:
            value |= bit if self.chance(0.5) else 0
        return value | (self.choose.getrandbits(32) if self.chance(0.1) else 0)

    def _icmp(self) -> int:
        kinds = (0, 3, 8, 8, 11, 13, 17, 30) if self.family == 4 else (1, 3, 128, 128, 129, 139, 135, 200)
        return self.pick(kinds) * 256 + self.pick((0, 0, 1, 4, 255))

    def protocol(self) -> int:
        """A protocol number; ICMP is the family's."""
        if self.chance(0.04):
            return self.choose.randrange(1, 256)
        number = self.pick(PROTOCOLS)
        return 58 if number == 1 and self.family == 6 else number

    def interface(self) -> str:
        """An interface as rules name it, with or without a wildcard."""
        return self.pick(NAMES)

    def wire(self) -> str:
        """An interface that the node has."""
        return self.pick(INTERFACES) if self.chance(0.9) else BRIDGE
