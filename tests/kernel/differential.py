"""The kernel and the reference side by side: random packets aimed at what rules, sets and pods name."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from verifier.evidence.kernel.client import Kernel
from verifier.evidence.kernel.records import Seen, Shot
from verifier.model.addresses import parse_address
from verifier.model.fields import ICMP, ICMPV6, ConnState
from verifier.model.node import NodeState
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.trace import ChainTrace
from verifier.reference.bridges import crossing
from verifier.reference.chains import walk
from verifier.reference.view import View

FLAGS = (2, 2, 2, 16, 18, 24, 17, 4, 20, 0, 1, 41, 255)
PROTOCOLS = (6, 6, 6, 17, 17, 132, 136, 33, 47, 50, 51, 4, 2)
ICMP_TYPES = {ICMP: (8, 8, 0, 3, 5, 11, 12, 13, 17), ICMPV6: (128, 128, 129, 1, 2, 3, 135, 133, 143)}
STATES = (*[ConnState.NEW] * 5, *ConnState)
_NUMBER = re.compile(r"\b\d{1,5}\b")
_ADDRESS = {4: re.compile(r"\b\d+\.\d+\.\d+\.\d+\b"), 6: re.compile(r"\b[0-9a-f]*:[0-9a-f:]+\b")}


@dataclass(frozen=True)
class Aim:
    """What random packets are made of: addresses near those that the text names, its ports, marks and these interfaces."""

    family: int
    addresses: tuple[int, ...]
    sources: tuple[int, ...]
    own: tuple[int, ...]
    ports: tuple[int, ...]
    marks: tuple[int, ...]
    interfaces: tuple[str, ...]


def aim(family: int, text: str, interfaces: Sequence[str], own: Sequence[int] = ()) -> Aim:
    """Take aim at a text of rules and sets."""
    found: set[int] = set()
    for word in _ADDRESS[family].findall(text):
        try:
            version, address = parse_address(word)
        except ValueError:
            continue
        if version == family:
            found.update((address, address + 1, address + 5))
    top = (1 << (32 if family == 4 else 128)) - 1
    ports = {number for word in _NUMBER.findall(text) if 0 < (number := int(word)) <= 65535}
    near = sorted({port + step for port in ports for step in (-1, 0, 1) if 0 <= port + step <= 65535})
    marks = {int(word, 16) & 0xFFFFFFFF for word in re.findall(r"\b0x[0-9a-f]{1,8}\b", text)}
    addresses = sorted(address for address in found if 0 < address < top)
    sources = [address for address in addresses if address not in own and _comes_from_afar(family, address)]
    weights = (0, 0, 0, 0xFFFFFFFF, *sorted(marks))
    return Aim(family, tuple(addresses), tuple(sources), tuple(own), tuple(near), weights, tuple(interfaces))


def _comes_from_afar(family: int, address: int) -> bool:
    """Whether a packet from this address can come in by a wire: no loopback, group or link's own address."""
    if family == 4:
        return address >> 24 not in (0, 127) and address >> 28 < 14
    return address > 0xFFFF and address >> 118 != 0xFE80 >> 6 and address >> 120 != 0xFF


def packets(dice: random.Random, at: Aim, number: int) -> Iterator[tuple[Packet, Path]]:
    """Random packets with the paths that they take."""
    messages = ICMP if at.family == 4 else ICMPV6
    for _ in range(number):
        path = dice.choice((Path.POD_TO_POD, Path.POD_TO_POD, Path.POD_TO_NODE, Path.NODE_TO_POD))
        protocol = dice.choice((*PROTOCOLS, messages))
        to, source = dice.choice(at.addresses), dice.choice(at.sources)
        if at.own:
            to = dice.choice(at.own) if path is Path.POD_TO_NODE else to
            source = dice.choice(at.own) if path is Path.NODE_TO_POD else source
        yield Packet(
            at.family, source, to, protocol, dice.choice((40000, *at.ports)) if protocol in (6, 17, 33, 132, 136) else 0,
            dice.choice((80, *at.ports)) if protocol in (6, 17, 33, 132, 136) else 0,
            dice.choice(ICMP_TYPES[messages]) << 8 | dice.choice((0, 0, 1)) if protocol == messages else 0,
            dice.choice(FLAGS) if protocol == 6 else 2, dice.choice(STATES), 0, dice.choice(at.marks),
            dice.choice((0, 0, 0, *at.marks)),
            "" if path is Path.NODE_TO_POD else dice.choice(at.interfaces),
            "" if path is Path.POD_TO_NODE else dice.choice(at.interfaces),
        ), path  # fmt: skip


@dataclass
class Comparison:
    """What came out: how many agreed, how many had to be left out and why, and each disagreement in words."""

    agreed: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def compare(kernel: Kernel, node: NodeState, view: View, shots: Sequence[tuple[Packet, Path]]) -> Comparison:
    """Ask the kernel and walk the reference: verdict, final mark, and every step with its mark."""
    told = Comparison()
    sent = [Shot(crossing(packet, path, view), path) for packet, path in shots]
    for shot, seen in zip(sent, kernel.ask(sent), strict=True):
        trace = walk(shot.packet, shot.path, node, view)
        if seen.verdict is None:
            told.left_out[re.sub(r"[\d.:a-f]{6,}.*", "...", seen.reason)] += 1
        elif trace.verdict is None:
            told.left_out[f"the reference: {trace.reasons[0] if trace.reasons else ''}"] += 1
        elif difference := _difference(seen, trace):
            told.wrong.append(f"{kernel.backend.value} {shot.path.value} {shot.packet}: {difference}")
        else:
            told.agreed += 1
            told.verdicts[seen.verdict.value] += 1
    return told


def _difference(seen: Seen, trace: ChainTrace) -> str:
    if seen.verdict is not trace.verdict:
        return f"the kernel says {seen.verdict}, the reference {trace.verdict}; {_steps(seen)}"
    if seen.mark is not None and seen.mark != trace.mark:
        return f"the kernel's mark is {seen.mark:#x}, the reference's {trace.mark:#x}"
    expected = [(step.table, step.chain, step.number or None, step.mark_after) for step in trace.steps]
    found = [(step.table, step.chain, step.number, step.mark) for step in seen.steps]
    if found != expected:
        at = next((n for n, pair in enumerate(zip(found, expected, strict=False)) if pair[0] != pair[1]), None)
        at = min(len(found), len(expected)) if at is None else at
        return f"from step {at}: the kernel goes {found[at : at + 3]}, the reference {expected[at : at + 3]}"
    return ""


def _steps(seen: Seen) -> str:
    return " ".join(f"{step.table}/{step.chain}#{step.number or 0}" for step in seen.steps)
