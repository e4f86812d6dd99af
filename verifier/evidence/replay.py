"""Packets asked of the kernel with each back end, beside what the reference says of them.

Spec: specs/questions/replay.md
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeAlias

from verifier.evidence.agreement import agreement, kernel_steps
from verifier.evidence.kernel.judging import SENT_ELSEWHERE
from verifier.evidence.kernel.records import Loaded, Refused, Seen, Shot, Stage, Unavailable
from verifier.evidence.stage import Entry, Stagehand
from verifier.model.fields import CtStatus
from verifier.model.node import NodeState
from verifier.model.options import Progress, silent
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.profile import Profile
from verifier.model.replay import Backend, Dumps, Outcome, Replay
from verifier.model.replay_report import Replayed
from verifier.model.snapshot import Snapshot
from verifier.reference.chains import every_way, sent_to, walk
from verifier.reference.view import View, view_of

AT_ONCE = 500
"""How many packets are handed to the kernel at a time, so that progress shows."""

AFRESH, AT_MOST = 24, 400
"""How often packets that the rules send elsewhere are sent again to rules that remember nobody, for each destination that
these can choose, and in all: a packet misses its own with a chance of one in a thousand millions or less."""

CHOSEN = "the rules choose by chance or memory where it goes: it was sent until they chose this destination, and compared once"
DRAWING = ("-m statistic", "-m recent")
"""What rules choose a destination by (NAT-3)."""


class Oracle(Protocol):
    """A kernel that is open for questions (verifier.evidence.kernel)."""

    def load(self, family: int, rules: str, sets: str) -> Loaded: ...

    def ask(self, shots: Sequence[Shot]) -> list[Seen]: ...


Opener: TypeAlias = Callable[[Stage, Backend], AbstractContextManager[Oracle]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One packet to replay, and what it stands for."""

    name: str
    path: Path
    packet: Packet


Case: TypeAlias = tuple[Entry, Asked]


@dataclass(frozen=True, slots=True)
class Result:
    """The packets as they were asked, in order; `notes` say what was left out of a dump to load it."""

    packets: tuple[Replayed, ...]
    notes: tuple[str, ...]


class Replayer:
    """Asks about packets of one node; without `backends`, the one that wrote the dump (REP-3).

    With `brief`, of packets that the kernel confirms or was not given no steps are kept: there may be very many.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        node: NodeState,
        profile: Profile,
        dumps: Dumps,
        backends: Sequence[Backend],
        opener: Opener,
        *,
        brief: bool = False,
    ) -> None:
        self._cluster = snapshot.cluster
        self._node = node
        self._bridge = profile.bridge(node)
        self._view: View = view_of(node, snapshot.cluster, self._bridge)
        self._dumps = dumps
        self._backends = tuple(dict.fromkeys(backends))
        self._opener = opener
        self._brief = brief
        self._drawing = frozenset(
            family
            for family, ruleset in node.rulesets.items()
            for (table, _), chain in ruleset.chains.items()
            if table == "nat" and any(text in rule.text for rule in chain.rules for text in DRAWING)
        )
        self._notes: dict[str, None] = {}

    def replay(self, asked: Sequence[Asked], progress: Progress) -> Result:
        """Ask the kernel about every packet, once for each back end."""
        replays: list[list[Replay]] = [[] for _ in asked]
        for family in dict.fromkeys(each.packet.family for each in asked):
            places = [place for place, each in enumerate(asked) if each.packet.family == family]
            hand = Stagehand(self._node, self._cluster, family, self._bridge)
            cases = [(hand.enter(asked[place].packet, asked[place].path), asked[place]) for place in places]
            for backend in self._backends or (self._dumps.backend.get(family) or Backend.NFT,):
                found = self._on_stage(hand.stage(), family, backend, cases, progress)
                for place, replay in zip(places, found, strict=True):
                    replays[place].append(replay)
        return Result(tuple(map(self._replayed, asked, replays)), tuple(self._notes))

    def _replayed(self, asked: Asked, replays: Sequence[Replay]) -> Replayed:
        found = tuple(replays)
        trace = walk(asked.packet, asked.path, self._node, self._view)
        if self._brief and all(each.outcome is not Outcome.NOT_CONFIRMED for each in found):
            trace = replace(trace, steps=())
        return Replayed(asked.name, asked.path, asked.packet, trace, found)

    def _kept(self, replay: Replay) -> Replay:
        return replace(replay, steps=()) if self._brief and replay.outcome is not Outcome.NOT_CONFIRMED else replay

    def _on_stage(
        self, stage: Stage, family: int, backend: Backend, cases: Sequence[Case], progress: Progress
    ) -> list[Replay]:
        """All packets of a family with one back end; what stands in the way of all is the reason of each."""
        if family not in self._dumps.rules:
            return _none(cases, backend, f"the snapshot has no IPv{family} rules of node {self._node.name}")
        if all(entry.problem for entry, _ in cases):
            return [_unsent(entry, backend) for entry, _ in cases]
        try:
            return self._until_settled(stage, family, backend, cases, progress)
        except Unavailable as missing:
            return _none(cases, backend, f"the kernel cannot be asked here: {missing}")
        except Refused as refusal:
            return _none(
                cases, backend, f"the kernel's own tools refuse the dump: {self._placed(str(refusal), family)}"
            )

    def _placed(self, refusal: str, family: int) -> str:
        """A refusal with file and line of the rule that it ends with, where it does."""
        rules = (rule for chain in self._node.rulesets[family].chains.values() for rule in chain.rules)
        place = next((rule.origin for rule in rules if refusal.endswith(f": {rule.text}")), None)
        return f"{refusal} ({place})" if place else refusal

    def _until_settled(
        self, stage: Stage, family: int, backend: Backend, cases: Sequence[Case], progress: Progress
    ) -> list[Replay]:
        """Ask, and ask again about packets that rules sent elsewhere because they remember the sender (REP-5)."""
        found = self._load_and_ask(stage, family, backend, cases, progress)
        for turn in range(AT_MOST):
            astray = [place for place, replay in enumerate(found) if replay.reason.startswith(SENT_ELSEWHERE)]
            if not astray or (turn >= AFRESH and turn >= self._turns([cases[place][1] for place in astray])):
                break
            again = self._load_and_ask(stage, family, backend, [cases[place] for place in astray], silent)
            for place, replay in zip(astray, again, strict=True):
                found[place] = replay
        return found

    def _turns(self, asked: Sequence[Asked]) -> int:
        """After how many turns a packet that never met its destination will not."""
        most = 0
        for each in asked:
            if each.packet.original is not None:
                address, port = each.packet.original
                status = each.packet.ct_status & ~CtStatus.DNAT
                sent = replace(each.packet, destination=address, destination_port=port, ct_status=status, original=None)
                most = max(most, len(sent_to(sent, each.path, self._node, self._view)[0]))
        return AFRESH * most

    def _load_and_ask(
        self, stage: Stage, family: int, backend: Backend, cases: Sequence[Case], progress: Progress
    ) -> list[Replay]:
        with self._opener(stage, backend) as kernel:
            loaded = kernel.load(family, self._dumps.rules[family], self._dumps.sets)
            self._notes |= {f"IPv{family}, {backend.value}: {note}": None for note in loaded.notes}
            return [self._kept(each) for each in self._answers(kernel, family, backend, cases, progress)]

    def _answers(
        self, kernel: Oracle, family: int, backend: Backend, cases: Sequence[Case], progress: Progress
    ) -> Iterator[Replay]:
        built_in = frozenset(
            key for key, chain in self._node.rulesets[family].chains.items() if chain.policy is not None
        )
        for start in range(0, len(cases), AT_ONCE):
            progress(f"{self._node.name}: IPv{family} on the kernel ({backend.value})", start, len(cases))
            some = cases[start : start + AT_ONCE]
            answers = iter(kernel.ask([Shot(entry.packet, asked.path) for entry, asked in some if not entry.problem]))
            for entry, asked in some:
                yield (
                    _unsent(entry, backend)
                    if entry.problem
                    else self._compared(entry, asked, backend, next(answers), built_in)
                )

    def _compared(
        self, entry: Entry, asked: Asked, backend: Backend, seen: Seen, built_in: frozenset[tuple[str, str]]
    ) -> Replay:
        steps = kernel_steps(seen, built_in)
        expected = walk(asked.packet, asked.path, self._node, self._view)
        found = agreement(expected, partial(every_way, asked.packet, asked.path, self._node, self._view), seen, steps)
        chosen = (CHOSEN,) if asked.packet.original is not None and asked.packet.family in self._drawing else ()
        notes = (*entry.notes, *chosen)
        return Replay(backend, found.outcome, found.reason, seen.verdict, seen.mark, steps, seen.reply, notes)


def _unsent(entry: Entry, backend: Backend) -> Replay:
    return Replay(backend, Outcome.NOT_REPLAYED, entry.problem)


def _none(cases: Sequence[Case], backend: Backend, reason: str) -> list[Replay]:
    return [Replay(backend, Outcome.NOT_REPLAYED, reason) for _ in cases]
