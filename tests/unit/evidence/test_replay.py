"""Every packet gets an answer for every back end, and what stands in the way of the kernel is that answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest

from verifier.compilers import generic
from verifier.evidence.kernel.records import Loaded, Refused, Seen, SeenStep, Shot, Stage, Unavailable
from verifier.evidence.replay import AFRESH, CHOSEN, Asked, Replayer, Result
from verifier.model.cluster import Cluster
from verifier.model.effect import Verdict
from verifier.model.fields import CtStatus
from verifier.model.node import NodeState
from verifier.model.options import silent
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.replay import Backend, Dumps, Outcome
from verifier.model.snapshot import Snapshot
from verifier.readers.iptables_save import read_ruleset

RULES = "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n-A FORWARD -p tcp -j DROP\nCOMMIT\n"
TCP = Packet(4, 1 << 24, 2 << 24, 6, 1, 80, in_interface="eth0", out_interface="cali1")
UDP = Packet(4, 1 << 24, 2 << 24, 17, 1, 53, in_interface="eth0", out_interface="cali1")
DROPPED = Seen(Verdict.DROP, "", None, (SeenStep("filter", "FORWARD", 1, 0),))
ACCEPTED = Seen(Verdict.ACCEPT, "", 0, (SeenStep("filter", "FORWARD", None, 0),))


class FakeKernel:
    """A kernel that gives the answers it is told to, and remembers what it was asked."""

    def __init__(self, *answers: Seen, refusal: str = "", missing: str = "") -> None:
        self.answers = list(answers)
        self.refusal, self.missing = refusal, missing
        self.opened: list[tuple[Stage, Backend]] = []
        self.loaded: list[tuple[int, str, str]] = []

    @contextmanager
    def open(self, stage: Stage, backend: Backend) -> Iterator[FakeKernel]:
        if self.missing:
            raise Unavailable(self.missing)
        self.opened.append((stage, backend))
        yield self

    def load(self, family: int, rules: str, sets: str) -> Loaded:
        if self.refusal:
            raise Refused(self.refusal)
        self.loaded.append((family, rules, sets))
        return Loaded(("a comment was left out",))

    def ask(self, shots: Sequence[Shot]) -> list[Seen]:
        return [self.answers.pop(0) for _ in shots]


def result(
    kernel: FakeKernel,
    *packets: Packet,
    backends: tuple[Backend, ...] = (),
    brief: bool = False,
    rules: str = RULES,
) -> Result:
    node = NodeState("node-a", {4: read_ruleset(rules, "iptables-save", 4)})
    snapshot = Snapshot("snap", Cluster(), (node,), ())
    dumps = Dumps({4: rules}, "create x hash:ip\n", {4: Backend.LEGACY})
    replayer = Replayer(snapshot, node, generic.MODULE, dumps, backends, kernel.open, brief=brief)
    asked = [Asked(f"packet {number}", Path.REMOTE_TO_POD, packet) for number, packet in enumerate(packets)]
    return replayer.replay(asked, silent)


def test_each_packet_has_its_own_answer_in_order() -> None:
    kernel = FakeKernel(DROPPED, ACCEPTED, ACCEPTED)
    found = result(kernel, TCP, UDP, TCP)
    assert [each.name for each in found.packets] == ["packet 0", "packet 1", "packet 2"]
    assert [each.outcome for each in found.packets] == [Outcome.CONFIRMED, Outcome.CONFIRMED, Outcome.NOT_CONFIRMED]
    assert kernel.loaded == [(4, RULES, "create x hash:ip\n")]
    assert found.notes == ("IPv4, legacy: a comment was left out",)


def test_the_dump_names_the_back_end_unless_the_user_does() -> None:
    kernel = FakeKernel(DROPPED, DROPPED, DROPPED)
    (told,) = result(kernel, TCP).packets
    (both,) = result(kernel, TCP, backends=(Backend.NFT, Backend.LEGACY, Backend.NFT)).packets
    assert [replay.backend for replay in told.replays] == [Backend.LEGACY]
    assert [replay.backend for replay in both.replays] == [Backend.NFT, Backend.LEGACY]


def test_one_back_end_that_differs_is_enough() -> None:
    (packet,) = result(FakeKernel(DROPPED, ACCEPTED), TCP, backends=(Backend.NFT, Backend.LEGACY)).packets
    assert [replay.outcome for replay in packet.replays] == [Outcome.CONFIRMED, Outcome.NOT_CONFIRMED]
    assert packet.outcome is Outcome.NOT_CONFIRMED


@pytest.mark.parametrize(
    ("kernel", "reason"),
    [
        (FakeKernel(missing="no namespaces"), "the kernel cannot be asked here: no namespaces"),
        (FakeKernel(refusal="line 3 failed"), "the kernel's own tools refuse the dump: line 3 failed"),
        (
            FakeKernel(refusal="not taken: -A FORWARD -p tcp -j DROP"),
            "the kernel's own tools refuse the dump: not taken: -A FORWARD -p tcp -j DROP (iptables-save:5)",
        ),
    ],
)
def test_what_stands_in_the_way_of_all_is_the_reason_of_each(kernel: FakeKernel, reason: str) -> None:
    for packet in result(kernel, TCP, UDP).packets:
        assert packet.outcome is Outcome.NOT_REPLAYED
        assert packet.replays[0].reason == reason


@pytest.mark.exercises("REP-8")
@pytest.mark.parametrize("match", ["-m statistic --mode random --probability 0.5", "-m limit --limit 1/sec"])
def test_no_answer_of_the_kernel_confirms_what_is_not_decided_here(match: str) -> None:
    """Whatever its verdict, the rules that it names and the mark; each packet has its reason."""
    steps: tuple[tuple[SeenStep, ...], ...] = ((), DROPPED.steps, ACCEPTED.steps, DROPPED.steps + ACCEPTED.steps)
    seen = [Seen(verdict, "", mark, some) for verdict in Verdict for mark in (None, 0, 1) for some in steps]
    seen.append(Seen(None, "routing refuses such a packet"))
    found = result(FakeKernel(*seen), *[TCP] * len(seen), rules=RULES.replace("-p tcp", f"-p tcp {match}"))
    assert {each.outcome for each in found.packets} == {Outcome.NOT_REPLAYED}
    assert all(replay.reason for each in found.packets for replay in each.replays)


def test_a_family_without_rules_is_not_asked() -> None:
    kernel = FakeKernel()
    (packet,) = result(kernel, Packet(6, 1, 2, 6, 1, 80, in_interface="eth0", out_interface="cali1")).packets
    assert packet.replays[0].reason == "the snapshot has no IPv6 rules of node node-a"
    assert kernel.opened == []


def test_a_packet_that_cannot_enter_takes_no_answer_of_another() -> None:
    odd = Packet(4, 1, 2, 6, 1, 80, in_interface="much-too-long-a-name", out_interface="cali1")
    found = result(FakeKernel(DROPPED), odd, TCP)
    assert [each.outcome for each in found.packets] == [Outcome.NOT_REPLAYED, Outcome.CONFIRMED]


def test_in_brief_only_contradicted_packets_keep_their_steps() -> None:
    found = result(FakeKernel(DROPPED, DROPPED), TCP, UDP, brief=True)
    assert [(len(each.expected.steps), len(each.replays[0].steps)) for each in found.packets] == [(0, 0), (1, 1)]


def test_a_packet_that_rules_send_elsewhere_meets_rules_that_remember_nobody() -> None:
    elsewhere = Seen(None, "the rules send the packet to 3.0.0.0")
    kernel = FakeKernel(elsewhere, DROPPED, elsewhere, DROPPED)
    found = result(kernel, TCP, TCP)
    assert [each.outcome for each in found.packets] == [Outcome.CONFIRMED, Outcome.CONFIRMED]
    assert len(kernel.opened) == 3


def test_that_ends() -> None:
    kernel = FakeKernel(*[Seen(None, "the rules send the packet to 3.0.0.0")] * 100)
    (packet,) = result(kernel, UDP).packets
    assert packet.outcome is Outcome.NOT_REPLAYED
    assert len(kernel.opened) == 1 + AFRESH


def test_of_several_destinations_each_has_its_turns() -> None:
    """Where rules choose among three, a packet may miss its own more often."""
    ways = "".join(
        f"-A s -m statistic --mode random --probability 0.5 -j DNAT --to-destination {n}.0.0.0:80\n" for n in (2, 3, 4)
    )
    rules = f"*nat\n:PREROUTING ACCEPT\n:s -\n-A PREROUTING -d 9.0.0.0/32 -p tcp -j s\n{ways}COMMIT\n{RULES}"
    packet = replace(TCP, original=(9 << 24, 80), ct_status=CtStatus.DNAT)
    kernel = FakeKernel(*[Seen(None, "the rules send the packet to 3.0.0.0")] * 100)
    (told,) = result(kernel, packet, rules=rules).packets
    assert told.outcome is Outcome.NOT_REPLAYED
    assert len(kernel.opened) == 1 + 3 * AFRESH
    assert told.replays[0].notes == (CHOSEN,)
