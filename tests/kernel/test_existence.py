"""Which packets there are: every TCP flag byte, every type of ICMP and every protocol, in every state (U-20 to U-26)."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from verifier.evidence.kernel.client import EMPTY, Kernel, unavailable
from verifier.evidence.kernel.records import Backend, Shot, Stage
from verifier.model.fields import ICMP, ICMPV6, TCP, ConnState
from verifier.model.packet import Packet
from verifier.model.path import Path

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << n for n in range(8))
HERE = {4: 0x0A000001, 6: 0xFD00 << 112 | 1}
EVERY = frozenset(range(256))
NEW_FLAGS = frozenset(flags for flags in EVERY if not flags & (FIN | RST) and (flags & (SYN | ACK)) in (SYN, ACK))
FREE = (PSH, ECE, CWR)
KNOWN_FLAGS = frozenset(
    flags
    for flags in EVERY
    if (bare := flags & ~(PSH | ECE | CWR))
    in (SYN, SYN | ACK, ACK, FIN | ACK, RST, RST | ACK, SYN | URG, ACK | URG, FIN | ACK | URG)
)
VALIDATED = frozenset((ICMP, TCP, 17, ICMPV6, 132, 136))


@pytest.fixture(scope="module", params=[4, 6])
def family(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def kernel(request: pytest.FixtureRequest) -> Kernel:
    if reason := unavailable(Backend.NFT):
        pytest.skip(reason)
    made = Kernel(Stage(("in0", "out0")), Backend.NFT)
    request.addfinalizer(made.close)
    for version in (4, 6):
        made.load(version, EMPTY, "")
    return made


def arranged(kernel: Kernel, family: int, state: ConnState, packets: Iterable[tuple[int, Packet]]) -> frozenset[int]:
    """For which of the numbered packets the kernel agrees that it can be in that state."""
    numbers, asked = zip(*packets, strict=True)
    seen = kernel.ask([Shot(packet, Path.POD_TO_POD, False) for packet in asked])
    return frozenset(number for number, each in zip(numbers, seen, strict=True) if each.verdict is not None)


def packet(family: int, protocol: int, state: ConnState, icmp: int = 0, flags: int = SYN) -> Packet:
    ports = (1000, 80) if protocol in (TCP, 17, 33, 132, 136) else (0, 0)
    return Packet(
        family,
        HERE[family],
        HERE[family] + 1,
        protocol,
        *ports,
        icmp << 8,
        flags,
        state,
        in_interface="in0",
        out_interface="out0",
    )


@pytest.mark.parametrize(
    ("state", "flags"),
    [
        (ConnState.NEW, NEW_FLAGS),
        (ConnState.ESTABLISHED, KNOWN_FLAGS),
        (ConnState.RELATED, NEW_FLAGS),
        (ConnState.INVALID, EVERY),
        (ConnState.UNTRACKED, EVERY),
    ],
    ids=lambda value: value.name if isinstance(value, ConnState) else "",
)
def test_flags(kernel: Kernel, family: int, state: ConnState, flags: frozenset[int]) -> None:
    """What begins a connection, and what goes on with one; an expected connection is begun here too."""
    sent = ((each, packet(family, TCP, state, flags=each)) for each in EVERY)
    assert arranged(kernel, family, state, sent) == flags


ERRORS = {4: frozenset((3, 4, 5, 11, 12)), 6: frozenset(range(128))}
MESSAGES = {
    (4, ConnState.NEW): frozenset((8, 13, 15, 17)),
    (4, ConnState.ESTABLISHED): frozenset((0, 8, *range(13, 19))),
    (4, ConnState.RELATED): ERRORS[4],
    (4, ConnState.INVALID): EVERY,
    (4, ConnState.UNTRACKED): EVERY,
    (6, ConnState.NEW): frozenset((128, 139)),
    (6, ConnState.ESTABLISHED): frozenset((128, 129, 139, 140)),
    (6, ConnState.RELATED): ERRORS[6],
    (6, ConnState.INVALID): EVERY,
    (6, ConnState.UNTRACKED): EVERY,
}


@pytest.mark.parametrize("state", list(ConnState), ids=lambda state: state.name)
def test_messages(kernel: Kernel, family: int, state: ConnState) -> None:
    """Types of ICMP and ICMPv6."""
    protocol = ICMP if family == 4 else ICMPV6
    sent = ((each, packet(family, protocol, state, icmp=each)) for each in EVERY)
    assert arranged(kernel, family, state, sent) == MESSAGES[family, state]


@pytest.mark.parametrize("state", list(ConnState), ids=lambda state: state.name)
def test_protocols(kernel: Kernel, family: int, state: ConnState) -> None:
    """Every protocol but ICMP, whose types are told above, and what IPv6 takes for headers of its own."""
    headers = frozenset((0, 43, 44, 51, 59, 60)) if family == 6 else frozenset()
    others = EVERY - {ICMP, ICMPV6} - headers
    flags = SYN
    sent = ((each, packet(family, each, state, flags=flags)) for each in others)
    assert arranged(kernel, family, state, sent) == (others & VALIDATED if state is ConnState.INVALID else others)
