"""An independent, exhaustive check of a verdict: representative packets, walked and judged one by one in effect.

A fault is a sentence; a verdict without one is complete (every packet that differs is in a box), sound (every packet of
a box differs), answers as the packets do, and its witnesses lie in their own boxes and differ by the reference.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from tests.oracle.batch import Batch
from tests.oracle.classes import Service
from tests.oracle.world import Judged, judge_family
from verifier.model.addresses import address_text
from verifier.model.assumption import Setting
from verifier.model.effect import Verdict
from verifier.model.fields import TCP, has_ports
from verifier.model.finding import Answer, Box, Difference, Kind, Question
from verifier.model.node import NodeState
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.predicate import Range
from verifier.model.profile import Profile
from verifier.model.snapshot import Snapshot
from verifier.reference.chains import walk
from verifier.reference.specification import excused, expectation

PODS_AT = {
    Path.REMOTE_TO_POD: ("destination",),
    Path.NODE_TO_POD: ("destination",),
    Path.POD_TO_REMOTE: ("source",),
    Path.POD_TO_NODE: ("source",),
    Path.POD_TO_POD: ("source", "destination"),
}
SAMPLE = 25
"""Packets of each check that are walked by the reference itself."""


class Verdicts(Protocol):
    """What is checked: the answers about one node."""

    @property
    def answer(self) -> Answer: ...

    @property
    def questions(self) -> tuple[Question, ...]: ...

    @property
    def differences(self) -> tuple[Difference, ...]: ...


def check(
    snapshot: Snapshot,
    node: NodeState,
    profile: Profile,
    verdict: Verdicts,
    *,
    strict: bool = False,
    settings: Mapping[str, Setting] | None = None,
    sample: int = SAMPLE,
    seed: int = 0,
    judgements: Mapping[int, Judged] | None = None,
) -> list[str]:
    """The faults of a verdict on a whole node; [] where there is none.

    `judgements` are those of families that the caller has judged already, under the same settings.
    """
    faults: list[str] = []
    for family in (4, 6):
        if not any(
            pod.node == node.name and family in pod.addresses and pod.has_traffic for pod in snapshot.cluster.pods
        ):
            continue
        questions = [question for question in verdict.questions if question.family == family]
        if family not in node.rulesets:
            faults += [f"{q} without rules" for q in questions if q.answer is not Answer.UNDECIDED]
            continue
        judged = (judgements or {}).get(family) or judge_family(
            snapshot, node, profile, family, strict=strict, settings=settings, seed=seed
        )
        if judged is None:
            continue
        differences = [difference for difference in verdict.differences if difference.family == family]
        checker = _Checker(judged, node, profile, strict=strict, settings=settings or {})
        faults += checker.boxes(differences)
        faults += checker.answers(questions, differences)
        faults += checker.witnesses(differences)
        faults += checker.sampled(sample, seed)
    return faults


class _Checker:
    def __init__(
        self, judged: Judged, node: NodeState, profile: Profile, *, strict: bool, settings: Mapping[str, Setting]
    ) -> None:
        self.judged = judged
        self.batch = judged.batch
        self.node = node
        self.deviations = () if strict else profile.deviations(node)
        self.settings = settings

    def boxes(self, differences: list[Difference]) -> Iterator[str]:
        """Completeness and soundness."""
        for kind in Kind:
            differing = self.judged.sure(kind)
            inside = covered(self.batch, differences, kind)
            if inside & ~differing:
                yield f"{kind.value} box with a packet that does not differ: {self._show(inside & ~differing)}"
            if differing & ~inside and not self._blind():
                yield f"{kind.value} in no box: {self._show(differing & ~inside)}"

    def answers(self, questions: list[Question], differences: list[Difference]) -> Iterator[str]:
        """Refuted exactly where a packet differs, undecided exactly where one could.

        What the node itself sends somewhere is not among the packets here: where it arrives more can be wrong or unknown.
        """
        asked = {(question.pod, question.path): question for question in questions}
        arriving = {(pod, each.path) for each in differences for pod in each.pods if _sent_on(each.region)}
        pods = self.judged.view.pods
        for family, address in self.judged.view.local:
            if family != self.batch.family:
                continue
            for path, sides in PODS_AT.items():
                mine = 0
                for side in sides:
                    mine |= self.batch.where(side, lambda end: end == address)
                mine &= self.batch.where("path", lambda known, path=path: known is path)  # type: ignore[misc]
                question = asked.get((pods[family, address].full_name, path))
                if question is None:
                    yield f"nothing is said of {pods[family, address].full_name} on {path.value}"
                    continue
                arrives = (question.pod, path) in arriving or (
                    question.answer is Answer.UNDECIDED and self._translates()
                )
                yield from self._answer(question, mine, arrives=arrives)

    def _translates(self) -> bool:
        return any(fate.gone for fate in self.judged.fates)

    def _answer(self, question: Question, mine: int, *, arrives: bool) -> Iterator[str]:
        sure = mine & (self.judged.sure(Kind.LEAK) | self.judged.sure(Kind.BLOCKED))
        possible = mine & (self.judged.possible(Kind.LEAK) | self.judged.possible(Kind.BLOCKED))
        wanted = Answer.REFUTED if sure else Answer.UNDECIDED if possible else Answer.PROVED
        if question.answer is wanted:
            return
        if (arrives or not self.judged.complete) and _worse(question.answer, wanted):
            return
        if question.answer is Answer.UNDECIDED and self._may_be_open(question.path, wanted):
            return
        shown = self._show(sure or possible) if sure or possible else "no packet differs"
        yield f"{question.pod} {question.path.value} is {question.answer.value}, not {wanted.value}: {shown}"

    def _may_be_open(self, path: Path, wanted: Answer) -> bool:
        """Whether something is not known that the packets here take for granted: who is where, or what a label is."""
        view = self.judged.view
        nowhere = not view.types.known and path in (Path.NODE_TO_POD, Path.POD_TO_NODE)
        return (
            nowhere
            or bool(view.cluster.unlabelled)
            or not view.cluster.policies_known
            or (wanted is Answer.PROVED and len(self.judged.fates) > 1)
        )

    def _blind(self) -> bool:
        """Whether nobody knows what the policies ask."""
        view = self.judged.view
        return not view.cluster.policies_known or bool(view.cluster.unlabelled)

    def witnesses(self, differences: list[Difference]) -> Iterator[str]:
        """Every witness lies in its own box and differs by the reference."""
        for difference in differences:
            packet, path = difference.packet, difference.path
            if not any(_holds(packet, box) for box in difference.region):
                yield f"a witness outside its own box: {packet} of {difference.region}"
            if not self._differs(packet, path, difference.kind):
                yield f"a witness that does not differ: {difference.kind.value} {path.value} {packet}"

    def _differs(self, packet: Packet, path: Path, kind: Kind) -> bool:
        got = walk(packet, path, self.node, self.judged.view).verdict
        must = expectation(packet, path, self.judged.view, self.settings).must
        bad = (Verdict.DROP, Verdict.ACCEPT) if kind is Kind.LEAK else (Verdict.ACCEPT, Verdict.DROP)
        return (must, got) == bad and not excused(packet, path, kind, self.deviations, self.judged.view)

    def sampled(self, count: int, seed: int) -> Iterator[str]:
        """The reference, packet by packet, says what the batch says."""
        choose = random.Random(seed)
        for _ in range(count):
            which = choose.randrange(len(self.judged.batches))
            batch, fate = self.judged.batches[which], self.judged.fates[which]
            number = choose.randrange(batch.count)
            packet, path, bit = batch.packet(number), batch.path(number), 1 << number
            batch_says = (
                Verdict.ACCEPT if bit & fate.surely_accepted else Verdict.DROP if bit & fate.surely_dropped else None
            )
            walked = walk(packet, path, self.node, self.judged.view).verdict
            if walked is not batch_says and not bit & fate.lost:
                yield f"reference and batch walk {path.value} {packet} differently: {walked}, {batch_says}"
            asked = self.judged.demands
            batch_must = Verdict.ACCEPT if bit & asked.allow else Verdict.DROP if bit & asked.deny else None
            must = expectation(packet, path, self.judged.view, self.settings).must
            if must is not batch_must:
                yield f"reference and batch expect different things of {path.value} {packet}: {must}, {batch_must}"
            for kind in Kind:
                excuse = excused(packet, path, kind, self.deviations, self.judged.view)
                if bool(excuse) is not bool(bit & asked.excused[kind]):
                    yield f"reference and batch excuse {kind.value} {path.value} {packet} differently: {excuse}"

    def _show(self, mask: int) -> str:
        """One packet of a mask, and how many there are."""
        number = (mask & -mask).bit_length() - 1
        packet, family = self.batch.packet(number), self.batch.family
        return (
            f"{self.batch.path(number).value} {address_text(family, packet.source)}:{packet.source_port} -> "
            f"{address_text(family, packet.destination)}:{packet.destination_port} protocol {packet.protocol} "
            f"{packet.state.name} in={packet.in_interface} out={packet.out_interface} ({mask.bit_count()} such packets)"
        )


def covered(batch: Batch, differences: Iterable[Difference], kind: Kind) -> int:
    """The packets of a batch that lie in some box of a kind."""
    out = 0
    for difference in differences:
        if difference.kind is kind:
            for box in difference.region:
                out |= 0 if box.through else _inside(batch, difference.path, box)
    return out


def _sent_on(region: tuple[Box, ...]) -> bool:
    return any(box.through for box in region)


def _inside(batch: Batch, path: Path, box: Box) -> int:
    where = batch.where
    out = where("path", lambda known: known is path)
    out &= where("source", lambda address: _within(address, box.source))
    out &= where("destination", lambda address: _within(address, box.destination))
    out &= where("service", lambda service: _carried(service, box))
    if box.in_interfaces:
        out &= where("inward", lambda name: name in box.in_interfaces)
    if box.out_interfaces:
        out &= where("outward", lambda name: name in box.out_interfaces)
    return out


def _worse(answer: Answer, than: Answer) -> bool:
    order = (Answer.PROVED, Answer.UNDECIDED, Answer.REFUTED)
    return order.index(answer) > order.index(than)


def _within(value: object, ranges: tuple[Range, ...]) -> bool:
    assert isinstance(value, int)
    return any(first <= value <= last for first, last in ranges)


def _carried(service: object, box: Box) -> bool:
    assert isinstance(service, Service)
    if service.state not in box.states or (box.protocols is not None and service.protocol not in box.protocols):
        return False
    if has_ports(service.protocol) and not (
        _within(service.source_port, box.source_ports) and _within(service.destination_port, box.destination_ports)
    ):
        return False
    if service.protocol in (1, 58) and not _within(service.icmp, box.icmp):
        return False
    if service.protocol == TCP and box.tcp_flags is not None and service.tcp_flags not in box.tcp_flags:
        return False
    return box.ct_status is None or service.ct_status in box.ct_status


def _holds(packet: Packet, box: Box) -> bool:
    service = Service(
        packet.state,
        packet.protocol,
        packet.source_port,
        packet.destination_port,
        packet.icmp,
        packet.tcp_flags,
        packet.ct_status,
    )
    return (
        _within(packet.source, box.source)
        and _within(packet.destination, box.destination)
        and _carried(service, box)
        and (not box.in_interfaces or packet.in_interface in box.in_interfaces)
        and (not box.out_interfaces or packet.out_interface in box.out_interfaces)
    )
