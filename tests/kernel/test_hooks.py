"""The kernel oracle against rules whose effect is known: every way a packet can end, in both back ends and families."""

from __future__ import annotations

from dataclasses import replace

import pytest

from verifier.evidence.kernel.client import NOT_SEEN, Kernel, unavailable
from verifier.evidence.kernel.records import Backend, Seen, Shot, Stage
from verifier.model.effect import Verdict
from verifier.model.fields import ConnState, CtStatus
from verifier.model.packet import Packet
from verifier.model.path import Path

RULES = """*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 99 -j DROP
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 98 -j DROP
-A POSTROUTING -p tcp -m tcp --dport 97 -j DROP
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -d {service} -p tcp -m tcp --dport 8000 -j DNAT --to-destination {target}
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:web - [0:0]
-A FORWARD -m conntrack --ctstate INVALID -j REJECT
-A FORWARD -p tcp -m mark --mark 0x1/0x1 -j MARK --set-xmark 0x2/0x2
-A FORWARD -p tcp -m connmark --mark 0x7 -j RETURN
-A FORWARD -p tcp -g web
-A FORWARD -p udp -j REJECT
-A web -p tcp -m tcp --dport 81 -j REJECT --reject-with tcp-reset
-A web -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A web -p tcp -m tcp --dport 80 -j ACCEPT
-A web -p tcp -m tcp --dport 97 -j ACCEPT
COMMIT
"""
BALANCED = """*nat
:PREROUTING ACCEPT [0:0]
:service - [0:0]
-A PREROUTING -d 10.96.0.1/32 -p tcp -m tcp --dport 8000 -j service
-A service -p tcp -m statistic --mode random --probability 0.33333333349 -j DNAT --to-destination 10.0.0.2:80
-A service -p tcp -m statistic --mode random --probability 0.50000000000 -j DNAT --to-destination 10.0.0.3:80
-A service -p tcp -j DNAT --to-destination 10.0.0.4:80
COMMIT
"""
TEXT = {
    4: RULES.format(service="10.96.0.1/32", target="10.0.0.2:80"),
    6: RULES.format(service="fd00:96::1/128", target="[fd00::2]:80"),
}
HERE = {4: 0x0A000001, 6: 0xFD00 << 112 | 1}
SERVICE = {4: 0x0A600001, 6: (0xFD00 << 112) | (0x96 << 96) | 1}
Steps = list[tuple[str, str, int | None]]
ROUTED: Steps = [("raw", "PREROUTING", None), ("mangle", "PREROUTING", None), ("nat", "PREROUTING", None), ("mangle", "FORWARD", None)]  # fmt: skip
KNOWN = [step for step in ROUTED if step[0] != "nat"]
GONE: Steps = [("mangle", "POSTROUTING", None), ("nat", "POSTROUTING", None)]
FILTER, WEB = "FORWARD", "web"


@pytest.mark.parametrize("backend", list(Backend), ids=lambda backend: backend.value)
def test_a_kernel_that_is_there_is_not_taken_for_missing(backend: Backend) -> None:
    """All other tests skip where the first packet is not seen; here that is a fault."""
    assert NOT_SEEN not in unavailable(backend)


@pytest.fixture(scope="module", params=list(Backend), ids=lambda backend: backend.value)
def kernel(request: pytest.FixtureRequest) -> Kernel:
    backend = request.param
    if reason := unavailable(backend):
        pytest.skip(reason)
    made = Kernel(Stage(("in0", "out0")), backend)
    request.addfinalizer(made.close)
    for family, rules in TEXT.items():
        made.load(family, rules, "")
    return made


def packet(family: int, **more: object) -> Packet:
    """A packet of TCP to port 80."""
    plain = Packet(family, HERE[family], HERE[family] + 1, 6, 1000, 80, in_interface="in0", out_interface="out0")
    return replace(plain, **more)  # type: ignore[arg-type]


def path(seen: Seen) -> Steps:
    return [(step.table, step.chain, step.number) for step in seen.steps]


def in_filter(*steps: tuple[str, int | None]) -> Steps:
    return [("filter", chain, number) for chain, number in steps]


CASES: dict[str, tuple[dict[str, object], Verdict, Steps, str]] = {
    "accepted": ({}, Verdict.ACCEPT, ROUTED + in_filter((FILTER, 4), (WEB, 3)) + GONE, ""),
    "policy after a goto": ({"destination_port": 82}, Verdict.DROP, ROUTED + in_filter((FILTER, 4), (FILTER, None)), ""),
    "reset": ({"destination_port": 81}, Verdict.DROP, ROUTED + in_filter((FILTER, 4), (WEB, 1)), "rst"),
    "unreachable": ({"protocol": 17}, Verdict.DROP, ROUTED + in_filter((FILTER, 5)), "icmp"),
    "raw": ({"destination_port": 99}, Verdict.DROP, [("raw", "PREROUTING", 1)], ""),
    "mangle": ({"destination_port": 98}, Verdict.DROP, [ROUTED[0], ("mangle", "PREROUTING", 1)], ""),
    "mangle on the way out": (
        {"destination_port": 97}, Verdict.DROP,
        ROUTED + in_filter((FILTER, 4), (WEB, 4)) + [("mangle", "POSTROUTING", 1)], "",
    ),
    "established": (
        {"state": ConnState.ESTABLISHED, "tcp_flags": 16, "destination_port": 82}, Verdict.ACCEPT,
        KNOWN + in_filter((FILTER, 4), (WEB, 2)) + GONE[:1], "",
    ),
    "answer": (
        {"state": ConnState.ESTABLISHED, "tcp_flags": 18, "destination_port": 82}, Verdict.ACCEPT,
        KNOWN + in_filter((FILTER, 4), (WEB, 2)) + GONE[:1], "",
    ),
    "expected": (
        {"state": ConnState.RELATED, "destination_port": 82}, Verdict.ACCEPT,
        ROUTED + in_filter((FILTER, 4), (WEB, 2)) + GONE, "",
    ),
    "invalid": ({"state": ConnState.INVALID}, Verdict.DROP, KNOWN + in_filter((FILTER, 1)), ""),
    "untracked": (
        {"state": ConnState.UNTRACKED}, Verdict.ACCEPT, KNOWN + in_filter((FILTER, 4), (WEB, 3)) + GONE[:1], "",
    ),
    "mark": ({"mark": 5}, Verdict.ACCEPT, ROUTED + in_filter((FILTER, 2), (FILTER, 4), (WEB, 3)) + GONE, ""),
    "connmark": ({"connmark": 7}, Verdict.DROP, ROUTED + in_filter((FILTER, 3), (FILTER, None)), ""),
}  # fmt: skip


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("name", CASES)
def test_a_packet_ends_as_the_rules_say(kernel: Kernel, name: str, family: int) -> None:
    """Verdict, path, mark and answer; without a trace the same verdict and mark."""
    fields, verdict, steps, reply = CASES[name]
    asked = packet(family, **fields)
    traced, plain = kernel.ask([Shot(asked, Path.POD_TO_POD, trace) for trace in (True, False)])
    assert (traced.verdict, traced.reason) == (verdict, "")
    assert path(traced) == steps
    if verdict is Verdict.ACCEPT:
        assert traced.mark == plain.mark == (7 if asked.mark else 0)
    answer = "icmp6" if family == 6 and reply == "icmp" else reply
    assert (traced.reply, plain.reply, plain.verdict, plain.steps) == (answer, answer, verdict, ())


def test_marks_are_told_after_each_rule(kernel: Kernel) -> None:
    """Both back ends, although the legacy one tells them before the rule."""
    (seen,) = kernel.ask([Shot(packet(4, mark=5), Path.POD_TO_POD)])
    assert [step.mark for step in seen.steps] == [5, 5, 5, 5, 7, 7, 7, 7, 7]


@pytest.mark.parametrize("family", [4, 6])
def test_a_translated_packet_arrives_where_it_must(kernel: Kernel, family: int) -> None:
    """Sent to the service, seen at the pod; a destination that the rules do not give is not arranged."""
    sent = packet(family, original=(SERVICE[family], 8000))
    right, wrong = kernel.ask([Shot(sent, Path.POD_TO_POD), Shot(replace(sent, destination_port=81), Path.POD_TO_POD)])
    assert right.verdict is Verdict.ACCEPT
    assert ("nat", "PREROUTING", 1) in path(right)
    assert wrong.verdict is None
    assert "the rules send the packet to" in wrong.reason


@pytest.mark.parametrize("family", [4, 6])
def test_a_known_connection_carries_its_translation(kernel: Kernel, family: int) -> None:
    """Its packets do not meet the nat table; they arrive where it says, and can be told by their status."""
    known = packet(family, state=ConnState.ESTABLISHED, tcp_flags=16, destination_port=82)
    sent = replace(known, original=(SERVICE[family], 8000))
    answer = replace(known, ct_status=CtStatus.DNAT)
    both = replace(known, ct_status=CtStatus.DNAT | CtStatus.SNAT)
    bare = replace(both, protocol=50, source_port=0, destination_port=0)
    *good, early, bad = kernel.ask(
        [Shot(each, Path.POD_TO_POD) for each in (sent, answer, replace(known, ct_status=CtStatus.SNAT), both, bare)]
    )
    assert [seen.verdict for seen in good] == [Verdict.ACCEPT] * 3
    assert [path(seen) for seen in good] == [CASES["established"][2]] * 3
    assert "a rule asks: -A PREROUTING -p tcp -m tcp --dport 99" in early.reason
    assert "both ends translated" in bad.reason


@pytest.mark.parametrize("backend", list(Backend), ids=lambda backend: backend.value)
def test_a_status_is_what_rules_see(backend: Backend) -> None:
    """Of known connections, and of those that error messages are about."""
    if reason := unavailable(backend):
        pytest.skip(reason)
    rules = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate DNAT -j ACCEPT\n-A FORWARD -m conntrack --ctstate SNAT -j REJECT\nCOMMIT\n"
    fields = [
        {"state": ConnState.ESTABLISHED, "tcp_flags": 16},
        {"state": ConnState.RELATED, "protocol": 1, "icmp": 3 << 8 | 3},
    ]
    asked = [packet(4, ct_status=status, **more) for more in fields for status in (CtStatus.DNAT, CtStatus.SNAT, 0)]
    with Kernel(Stage(("in0", "out0")), backend) as kernel:
        kernel.load(4, rules, "")
        found = [path(seen)[-1][2] for seen in kernel.ask([Shot(each, Path.POD_TO_POD) for each in asked])]
    assert found == [1, 2, None] * 2


@pytest.mark.parametrize("backend", list(Backend), ids=lambda backend: backend.value)
def test_a_destination_that_is_chosen_by_chance_is_met(backend: Backend) -> None:
    """Each of the pods behind a service, told by the path; a pod that is not behind it is not met."""
    if reason := unavailable(backend):
        pytest.skip(reason)
    with Kernel(Stage(("in0", "out0")), backend) as kernel:
        kernel.load(4, BALANCED, "")
        pods = [packet(4, destination=HERE[4] + more, original=(SERVICE[4], 8000)) for more in (1, 2, 3, 4)]
        for trace in (True, False):
            *met, never = kernel.ask([Shot(pod, Path.POD_TO_POD, trace) for pod in pods])
            assert [seen.verdict for seen in met] == [Verdict.ACCEPT] * 3
            assert never.verdict is None
            assert "the rules send the packet to" in never.reason
            if trace:
                assert [path(seen)[1] for seen in met] == [("nat", "service", number) for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"tcp_flags": 1}, "calls such a packet INVALID, not NEW"),
        ({"protocol": 1, "icmp": 0}, "calls such a packet INVALID, not NEW"),
        ({"protocol": 50, "state": ConnState.INVALID}, "calls such a packet NEW, not INVALID"),
        ({"destination": 0xE0000001}, "through INPUT, not FORWARD"),
        ({"source": 0xE0000001}, "routing refuses such a packet"),
        ({"in_interface": "other"}, "the stage has no interface other"),
        ({"state": ConnState.INVALID, "connmark": 1}, "has no connection"),
        ({"destination": 0x0A600001, "destination_port": 8000}, "the rules send the packet to 10.0.0.2"),
    ],
)
def test_what_cannot_be_arranged_is_said(kernel: Kernel, fields: dict[str, object], reason: str) -> None:
    """No verdict, and why."""
    for seen in kernel.ask([Shot(packet(4, **fields), Path.POD_TO_POD, trace) for trace in (True, False)]):
        assert seen.verdict is None
        assert reason in seen.reason


def test_many_packets_do_not_influence_each_other(kernel: Kernel) -> None:
    """The same packets in any order and number get the same answers."""
    asked = [Shot(packet(family, **CASES[name][0]), Path.POD_TO_POD, False) for family in (4, 6) for name in CASES]
    once = kernel.ask(asked)
    assert [seen.verdict for seen in once] == [CASES[name][1] for _ in (4, 6) for name in CASES]
    assert kernel.ask(asked[::-1] * 20) == once[::-1] * 20


@pytest.mark.parametrize("backend", list(Backend), ids=lambda backend: backend.value)
def test_what_rules_drop_before_the_hook_went_where_it_was_to_go(backend: Backend) -> None:
    """The node's packets to itself leave by lo: dropped before the filter table, they are not those that were asked for."""
    if reason := unavailable(backend):
        pytest.skip(reason)
    rules = "*mangle\n:PREROUTING ACCEPT [0:0]\n:OUTPUT DROP [0:0]\nCOMMIT\n"
    own = packet(4, in_interface="", source=HERE[4])
    with Kernel(Stage(("in0", "out0")), backend) as kernel:
        kernel.load(4, rules, "")
        away, back = kernel.ask(
            [Shot(replace(own, destination=each), Path.NODE_TO_POD) for each in (own.destination, 127 << 24 | 1)]
        )
    assert away.verdict is Verdict.DROP
    assert (back.verdict, back.reason) == (None, "the packet goes out by lo, not out by out0")


RELATED = """*raw
:PREROUTING ACCEPT [0:0]
{early}
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
COMMIT
*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate DNAT -j MARK --set-xmark 0x1/0x1
-A FORWARD -m conntrack --ctstate SNAT -j MARK --set-xmark 0x2/0x2
-A FORWARD -p tcp -m tcp --dport 80 -j ACCEPT
-A FORWARD -p 50 -j ACCEPT
COMMIT
"""


@pytest.mark.parametrize("backend", list(Backend), ids=lambda backend: backend.value)
@pytest.mark.parametrize("family", [4, 6])
def test_what_is_expected_is_translated_with_its_connection(backend: Backend, family: int) -> None:
    """The status that was asked for, past the nat table; where a rule asks before that where it was sent, nobody knows."""
    if reason := unavailable(backend):
        pytest.skip(reason)
    known = packet(family, state=ConnState.RELATED, tcp_flags=16)
    bare = packet(family, protocol=50, state=ConnState.RELATED, source_port=0, destination_port=0)
    asked = [
        Shot(replace(each, ct_status=CtStatus(status)), Path.POD_TO_POD)
        for each in (known, bare)
        for status in range(4)
    ]
    begun = Shot(replace(known, state=ConnState.ESTABLISHED, ct_status=CtStatus(3)), Path.POD_TO_POD)
    with Kernel(Stage(("in0", "out0")), backend) as kernel:
        kernel.load(family, RELATED.format(early=""), "")
        *found, both = kernel.ask(asked)
        (established,) = kernel.ask([begun])
        kernel.load(family, RELATED.format(early="-A PREROUTING -p tcp -m tcp --dport 81 -j DROP"), "")
        port = kernel.ask(asked)
    assert [(seen.verdict, seen.mark) for seen in found] == [(Verdict.ACCEPT, mark) for mark in (0, 2, 1, 3, 0, 2, 1)]
    assert [any(step.table == "nat" for step in seen.steps) for seen in found] == ([True, False, False, False] * 2)[:7]
    assert "without ports" in both.reason
    assert (established.verdict, established.mark) == (Verdict.ACCEPT, 3)
    assert ["nothing says where" in seen.reason for seen in port] == [False, False, True, True] * 2


def test_without_a_nat_table_nothing_is_translated(kernel: Kernel) -> None:
    """So that a packet is sent nowhere else either."""
    bare = RELATED.format(early="").partition("*filter")
    with Kernel(Stage(("in0", "out0")), kernel.backend) as other:
        other.load(4, "*filter" + bare[2], "")
        asked = packet(4, state=ConnState.RELATED, tcp_flags=16, ct_status=CtStatus.DNAT)
        (seen,) = other.ask([Shot(asked, Path.POD_TO_POD)])
    assert (seen.verdict, seen.reason) == (
        None,
        "where no nat table is loaded, nothing translates the destination of a packet",
    )
