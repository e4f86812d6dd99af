"""The real kernel as a judge: the rules of a page loaded in a network namespace of their own, its packets sent through.

The kernel's answer is held against the reference's walk: verdict, every rule of every table, final mark. What cannot be
arranged has a reason.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

from verifier.evidence.agreement import agreement, kernel_steps
from verifier.evidence.kernel.client import Kernel
from verifier.evidence.kernel.records import Backend, Refused, Seen, Shot, Stage
from verifier.evidence.stage import Stagehand
from verifier.model.effect import Unknown, Verdict
from verifier.model.node import NodeState
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.profile import Bridge
from verifier.model.replay import Outcome
from verifier.model.ruleset import Rule
from verifier.model.snapshot import Snapshot
from verifier.readers.dumps import read_dumps
from verifier.reference.chains import every_way, walk
from verifier.reference.view import view_of

REFUSED = "the kernel's tools refuse the rules"
HIDDEN = "the dump does not show all rules"
PARTICULAR = re.compile(r"(?<![\w-])[\w:./%-]*\d[\w:./%-]*")
"""What a reason says of one packet only."""


def in_general(reason: str) -> str:
    """The reason why a packet could not be given, without what it says of this packet or of these rules."""
    return next((each for each in (REFUSED, HIDDEN) if reason.startswith(each)), PARTICULAR.sub("...", reason))


Address = tuple[str, int, int, int]
HOST = {4: 32, 6: 128}


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one packet: `reason` says where the kernel differs, or why it was not asked."""

    outcome: Outcome
    verdict: Verdict | None = None
    mark: int | None = None
    reason: str = ""


@dataclass(slots=True)
class Play:
    """Packets of one family of one node of a page on their paths, and others near them, with the stage that they need."""

    snapshot: Snapshot
    node: NodeState
    family: int
    packets: list[tuple[Packet, Path]] = field(default_factory=list)
    near: list[tuple[Packet, Path]] = field(default_factory=list)
    bridge: Bridge | None = None

    @property
    def all(self) -> list[tuple[Packet, Path]]:
        """The packets of the page, then those near them."""
        return [*self.packets, *self.near]

    @property
    def interfaces(self) -> dict[str, None]:
        """The interfaces that packets come in or leave by, without bridges."""
        bridges = self.bridges
        names = [name for packet, _ in self.all for name in (packet.in_interface, packet.out_interface)]
        return {name: None for name in names if name and name != "lo" and name not in bridges}

    @property
    def bridges(self) -> dict[str, dict[str, None]]:
        """The interfaces that packets with bridge ports come in or leave by, with those ports."""
        found: dict[str, dict[str, None]] = {}
        for packet, _ in self.all:
            for name, port in ((packet.in_interface, packet.phys_in), (packet.out_interface, packet.phys_out)):
                if name and port:
                    found.setdefault(name, {})[port] = None
        return found

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The node's own; where no rule asks for kinds of addresses, also those that packets to the node are sent to."""
        known = Stagehand(self.node, self.snapshot.cluster, self.family, self.bridge).stage().addresses
        rules = [rule.text for chain in self.node.rulesets[self.family].chains.values() for rule in chain.rules]
        if any("addrtype" in text for text in rules):
            return known
        sent = [packet.destination for packet, path in self.packets if path is Path.POD_TO_NODE]
        more = [("lo", self.family, each, HOST[self.family]) for each in dict.fromkeys(sent)]
        return (*known, *(each for each in more if each[2] not in {address for _, _, address, _ in known}))


Key = tuple[tuple[Address, ...], tuple[str, ...]]


class Kernels:
    """One namespace for each back end and set of the node's addresses, opened when it is asked for, and kept."""

    def __init__(self, plays: Iterable[Play]) -> None:
        self._stages: dict[Key, Stage] = {}
        self._open: dict[tuple[Key, Backend], Kernel] = {}
        self._exits = ExitStack()
        for play in plays:
            key = _key(play)
            old = self._stages.get(key, Stage(addresses=key[0]))
            ports = {name: dict.fromkeys(held) for name, held in old.bridges}
            for name, more in play.bridges.items():
                ports.setdefault(name, {}).update(more)
            names = dict.fromkeys((*old.interfaces, *play.interfaces, *(at for at, *_ in key[0] if at != "lo")))
            taken = {*ports, *(port for held in ports.values() for port in held)}
            bridges = tuple((name, tuple(held)) for name, held in ports.items())
            self._stages[key] = Stage(tuple(name for name in names if name not in taken), bridges, key[0])

    def close(self) -> None:
        """End all of them."""
        self._exits.close()

    def ask(self, play: Play, backend: Backend) -> list[Told]:
        """What becomes of each packet of a play, those near the page's last."""
        key = _key(play)
        if (key, backend) not in self._open:
            self._open[key, backend] = self._exits.enter_context(Kernel(self._stages[key], backend))
        kernel = self._open[key, backend]
        dumps = read_dumps(play.snapshot, play.node)
        try:
            kernel.load(play.family, dumps.rules[play.family], dumps.sets)
        except Refused as refusal:
            return [Told(Outcome.NOT_REPLAYED, reason=f"{REFUSED}: {refusal}")] * len(play.all)
        seen = kernel.ask([Shot(packet, path) for packet, path in play.all])
        return [_told(play, *asked, each) for asked, each in zip(play.all, seen, strict=True)]


@dataclass(slots=True)
class Tally:
    """Packets that the kernel confirmed, those that it could not be given by reason, and where it differs."""

    confirmed: int = 0
    unarranged: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def tally(kernels: Kernels, plays: Iterable[Play], backend: Backend) -> Tally:
    """All packets of some plays, each held against the reference."""
    found = Tally()
    for play in plays:
        for (packet, path), answer in zip(play.all, kernels.ask(play, backend), strict=True):
            found.confirmed += answer.outcome is Outcome.CONFIRMED
            if answer.outcome is Outcome.NOT_REPLAYED:
                found.unarranged[in_general(answer.reason)] += 1
            if answer.outcome is Outcome.NOT_CONFIRMED:
                found.faults.append(f"{backend.value}, {path.value} {packet}: {answer.reason}")
    return found


def _key(play: Play) -> Key:
    return play.addresses, tuple(sorted(play.bridges))


def _told(play: Play, packet: Packet, path: Path, seen: Seen) -> Told:
    """The kernel beside the reference; where something opaque decides, beside every way that it leaves open."""
    if seen.verdict is None:
        return Told(Outcome.NOT_REPLAYED, reason=seen.reason)
    ruleset = play.node.rulesets[play.family]
    steps = kernel_steps(seen, frozenset(key for key, chain in ruleset.chains.items() if chain.policy is not None))
    view = view_of(play.node, play.snapshot.cluster, play.bridge)
    if hidden := next((rule.text for chain in ruleset.chains.values() for rule in chain.rules if _hidden(rule)), ""):
        return Told(Outcome.NOT_REPLAYED, reason=f"{HIDDEN}: {hidden}")
    expected = walk(packet, path, play.node, view)
    ways = partial(every_way, packet, path, play.node, view)
    found = [agreement(expected, ways, seen, steps)]
    if expected.verdict is None:
        found = [agreement(way.trace, partial(tuple, (way,)), seen, steps) for way in ways() if way.trace.verdict]
    best = next((each for each in found if each.outcome is Outcome.CONFIRMED), found[0] if found else None)
    if best is None:
        return Told(Outcome.NOT_REPLAYED, reason="nothing is known of what becomes of it")
    return Told(best.outcome, seen.verdict, seen.mark, best.reason)


def _hidden(rule: Rule) -> bool:
    """Whether it stands for rules that somebody has and the text does not show."""
    return rule.text.startswith("#") or (
        isinstance(rule.effect, Unknown) and rule.text.endswith(f"[{rule.effect.text}]")
    )
