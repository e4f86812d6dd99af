"""What client and worker say to each other: shots and sights as rows of plain values, one JSON line a message.

Spec: specs/kernel.md
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from verifier.evidence.kernel.records import Seen, SeenStep, Shot
from verifier.model.effect import Verdict
from verifier.model.path import FORWARD, HOOKS, INPUT

FORWARD_HOOK, INPUT_HOOK, OUTPUT_HOOK = "F", "I", "O"
HOOK_NAMES = {FORWARD_HOOK: "FORWARD", INPUT_HOOK: "INPUT", OUTPUT_HOOK: "OUTPUT"}
_HOOK_OF = {
    path: FORWARD_HOOK if hooks is FORWARD else INPUT_HOOK if hooks is INPUT else OUTPUT_HOOK
    for path, hooks in HOOKS.items()
}
Row = list[Any]


class Order(NamedTuple):
    """A shot, flat; the fields of Packet with the hook that decides ("F", "I", "O") before them."""

    hook: str
    trace: int
    family: int
    source: int
    destination: int
    protocol: int
    source_port: int
    port: int
    icmp: int
    flags: int
    state: int
    status: int
    mark: int
    connmark: int
    incoming: str
    outgoing: str
    port_in: str
    port_out: str
    bridged: int
    original: tuple[int, int] | None

    @property
    def sent_to(self) -> tuple[int, int]:
        """The address and port that the packet has when it is sent."""
        return self.original or (self.destination, self.port)


class Sight(NamedTuple):
    """What became of an order, flat: `accepted` None where it was not arranged; steps are (chain's index, number, mark)."""

    accepted: bool | None
    reason: str = ""
    mark: int | None = None
    steps: Sequence[tuple[int, int, int | None]] = ()
    reply: str = ""


def order_row(shot: Shot) -> tuple[Any, ...]:
    """The row of a shot."""
    p = shot.packet
    return (
        _HOOK_OF[shot.path], int(shot.trace), p.family, p.source, p.destination, p.protocol, p.source_port,
        p.destination_port, p.icmp, p.tcp_flags, int(p.state), int(p.ct_status), p.mark, p.connmark, p.in_interface,
        p.out_interface, p.phys_in, p.phys_out, int(p.bridged), p.original,
    )  # fmt: skip


def seen(row: Row, chains: Sequence[tuple[str, str]]) -> Seen:
    """The answer that a row of a Sight stands for; `chains` are those of the family's dump."""
    accepted, reason, mark, steps, reply = row
    verdict = None if accepted is None else Verdict.ACCEPT if accepted else Verdict.DROP
    told = tuple(SeenStep(chains[at][0], chains[at][1], number or None, after) for at, number, after in steps)
    return Seen(verdict, reason, mark, told, reply)
