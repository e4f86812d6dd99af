"""Loading dumps: what is made or left out so that they load, what is refused, and that nothing stays of what was loaded before."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.corpus_path import ROOT
from verifier.evidence.kernel import preparing
from verifier.evidence.kernel.client import EMPTY, Kernel, unavailable
from verifier.evidence.kernel.dump import portions, read_dump
from verifier.evidence.kernel.loading import BUILT_IN
from verifier.evidence.kernel.preparing import prepare
from verifier.evidence.kernel.records import Backend, Refused, Shot, Stage, Unavailable
from verifier.evidence.kernel.standins import NO_NAME_IN, real_name, told_apart
from verifier.model.effect import Verdict
from verifier.model.packet import FREE_INTERFACE, FREE_PORT, Packet
from verifier.model.path import Path as Way

PACKET = Packet(4, 0x0A000001, 0x0A000002, 6, 1000, 80, in_interface="in0", out_interface="out0")
SETS = "create web hash:ip family inet hashsize 1024 maxelem 65536\nadd web 10.0.0.2\ncreate all list:set size 8\nadd all web\n"


@pytest.fixture(params=list(Backend), ids=lambda backend: backend.value)
def kernel(request: pytest.FixtureRequest) -> Kernel:
    if reason := unavailable(request.param):
        pytest.skip(reason)
    made = Kernel(Stage(("in0", "out0")), request.param)
    request.addfinalizer(made.close)
    return made


def table(*rules: str, name: str = "filter", policy: str = "ACCEPT") -> str:
    """A table with rules in its chains."""
    chains = "".join(f":{chain} {policy} [0:0]\n" for chain in BUILT_IN[name])
    return f"*{name}\n{chains}" + "".join(f"{rule}\n" for rule in rules) + "COMMIT\n"


def ends(kernel: Kernel, packet: Packet = PACKET) -> tuple[Verdict | None, list[tuple[str, str, int | None]]]:
    (seen,) = kernel.ask([Shot(packet, Way.POD_TO_POD)])
    return seen.verdict, [(step.table, step.chain, step.number) for step in seen.steps]


def test_accounts_are_made_and_traces_left_out(kernel: Kernel) -> None:
    """Rules keep their places, and match as they did."""
    rules = ("-A FORWARD -j TRACE", '-A FORWARD -p tcp -m nfacct --nfacct-name  "web" -j DROP')
    assert kernel.load(4, table(*rules), "").notes == (
        "TRACE targets are left out, which change nothing: traces are asked for packet by packet",
    )
    assert ends(kernel) == (Verdict.DROP, [("filter", "FORWARD", 1), ("filter", "FORWARD", 2)])


def test_accounts_that_cannot_be_made_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The match holds for every packet: the rule stays where it is, without it."""
    monkeypatch.setattr(preparing, "_made_accounts", lambda names: {"kept"} & names)
    rules = table("-A FORWARD -m nfacct --nfacct-name gone -j DROP", "-A FORWARD -m nfacct --nfacct-name kept -j DROP")
    text, notes = prepare(rules)
    assert text == rules.replace(" -m nfacct --nfacct-name gone", "")
    assert len(notes) == 1


@pytest.mark.parametrize("prefix", ["chainproof:F>", "TRACE: filter:FORWARD:rule:1 "])
def test_log_lines_like_our_reports_are_refused(prefix: str) -> None:
    """They could not be told from reports."""
    with pytest.raises(Refused, match="cannot be told from them: -A FORWARD"):
        prepare(table(f'-A FORWARD -j NFLOG --nflog-prefix "{prefix}"'))


def test_a_refusal_names_the_line(kernel: Kernel) -> None:
    """And nothing of that dump is loaded, also not the tables before the line; the next dump is."""
    good = table("-A FORWARD -j DROP", name="mangle")
    with pytest.raises(Refused, match="-A FORWARD -m nonsense -j DROP"):
        kernel.load(4, good + table("-A FORWARD -m nonsense -j DROP"), "")
    assert kernel.ask([Shot(PACKET, Way.POD_TO_POD)])[0].reason == "no rules of IPv4 are loaded"
    kernel.load(4, table(), "")
    assert ends(kernel) == (Verdict.ACCEPT, [("filter", "FORWARD", None)])


def test_a_rule_that_only_the_kernel_refuses_is_named(kernel: Kernel) -> None:
    """The legacy tool says only in which table; a rule in a chain of its own that the hook refuses."""
    rules = table(
        "-A FORWARD -j DROP", "-A FORWARD -p tcp -j TPROXY --on-port 80 --on-ip 0.0.0.0 --tproxy-mark 0x0/0x0"
    )
    with pytest.raises(Refused, match="-A FORWARD -p tcp -j TPROXY"):
        kernel.load(4, rules, "")


def test_sets_that_are_refused_are_not_taken_for_loaded(kernel: Kernel) -> None:
    """Neither they nor those before."""
    rules = table("-A FORWARD -m set --match-set all dst -j DROP")
    kernel.load(4, rules, SETS)
    with pytest.raises(Refused, match="add web nonsense"):
        kernel.load(4, rules, SETS + "add web nonsense\n")
    kernel.load(4, rules, SETS)
    assert ends(kernel)[0] is Verdict.DROP
    kernel.load(4, rules, SETS.replace("10.0.0.2", "10.0.0.3"))
    assert ends(kernel)[0] is Verdict.ACCEPT


def test_a_load_replaces_what_was_there(kernel: Kernel) -> None:
    """All tables of the family, also those that the new dump does not have; the other family's rules stay."""
    other = replace(PACKET, family=6, source=0xFD00 << 112 | 1, destination=0xFD00 << 112 | 2)
    kernel.load(6, table("-A FORWARD -j DROP"), "")
    kernel.load(4, table("-A PREROUTING -j DROP", name="raw") + table("-A FORWARD -j DROP"), "")
    assert ends(kernel)[0] is Verdict.DROP
    kernel.load(4, table(name="mangle"), "")
    assert ends(kernel)[0] is Verdict.ACCEPT
    assert ends(kernel, other)[0] is Verdict.DROP
    kernel.load(4, table(), SETS)
    assert kernel.ask([Shot(other, Way.POD_TO_POD)])[0].reason == "no rules of IPv6 are loaded"


def test_masquerade_borrows_an_address(kernel: Kernel) -> None:
    """Without one the kernel drops what it cannot translate; the stage's own address needs no loan."""
    rules = table("-A POSTROUTING -o out0 -j MASQUERADE", name="nat")
    assert "MASQUERADE takes 192.0.0.8" in kernel.load(4, rules, "").notes[0]
    assert ends(kernel)[0] is Verdict.ACCEPT
    with Kernel(Stage(("in0", "out0"), (), (("out0", 4, 0x0A000009, 24),)), kernel.backend) as housed:
        assert housed.load(4, rules, "").notes == ()
        assert ends(housed)[0] is Verdict.ACCEPT


def test_a_test_of_the_way_back_holds(kernel: Kernel) -> None:
    """Whatever its source, a packet comes in by the interface that leads to it."""
    kernel.load(4, table("-A PREROUTING -m rpfilter --invert -j DROP", name="raw"), "")
    packets = [
        replace(PACKET, source=PACKET.source + more, in_interface=name)
        for more in (0, 5, 9)
        for name in ("in0", "out0")
    ]
    assert [seen.verdict for seen in kernel.ask([Shot(packet, Way.POD_TO_POD, False) for packet in packets])] == [
        Verdict.ACCEPT
    ] * 6


def test_an_outline_counts_rules_as_the_kernel_does() -> None:
    """Chains in order, a table that comes again instead of the first, counters before rules."""
    dump = read_dump(
        "# x\n*filter\n:FORWARD DROP [0:0]\n:a - [0:0]\n[1:2] -A FORWARD -j a\n-A a -i eth+ -j DROP\n-A a -j DROP\nCOMMIT\n"
    )
    assert dump.chains == {("filter", "FORWARD"): 1, ("filter", "a"): 2}
    assert dump.tested == {"eth+"}
    twice = read_dump("*filter\n:FORWARD DROP [0:0]\n-A FORWARD -j DROP\nCOMMIT\n" * 2)
    assert twice.chains == {("filter", "FORWARD"): 1}


def test_stand_ins_are_told_from_names_that_rules_ask_for() -> None:
    """A known beginning stays; a rule that asks for what the name is and the stand-in is not is noticed."""
    assert real_name("eth0", 1) == "eth0"
    for name in ("", FREE_INTERFACE, "veth" + FREE_PORT, NO_NAME_IN, "a b"):
        assert 0 < len(real_name(name, 1)) <= 15
        assert real_name(name, 1) != real_name(name, 2)
    port = real_name("veth" + FREE_PORT, 1)
    assert port.startswith("veth")
    assert told_apart("veth" + FREE_PORT, port, ["veth+", "veth0", "eth+"]) == ""
    assert told_apart("veth" + FREE_PORT, port, ["veth-u+"]) == "veth-u+"
    assert told_apart(NO_NAME_IN, real_name(NO_NAME_IN, 1), ["+"]) == ""
    assert told_apart(FREE_INTERFACE, real_name(FREE_INTERFACE, 1), ["unknown+"]) == "unknown+"


def test_a_worker_that_ends_is_noticed(kernel: Kernel) -> None:
    """In the middle of many packets, and from then on."""
    kernel.load(4, EMPTY, "")
    place = kernel._workers[0]._place.name
    kernel._workers[0]._process.kill()
    with pytest.raises(Unavailable, match="ended with status -9"):
        kernel.ask([Shot(PACKET, Way.POD_TO_POD)] * 5000)
    with pytest.raises(Unavailable, match="ended with status -9"):
        kernel.load(4, EMPTY, "")
    kernel.close()
    assert not Path(place).exists()


def test_nothing_is_asked_of_rules_that_are_not_loaded(kernel: Kernel) -> None:
    """No verdict."""
    assert kernel.ask([Shot(PACKET, Way.POD_TO_POD)])[0].reason == "no rules of IPv4 are loaded"
    assert kernel.ask([]) == []


def test_portions_of_a_dump_are_the_dump() -> None:
    """All chains of a table come before its first rule, no chain twice, and every rule once, in order."""
    text = "# on\n*raw\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n*filter\n:FORWARD ACCEPT [0:0]\n:web - [0:0]\n"
    rules = [f"-A web -s 10.0.0.{number} -j RETURN" for number in range(5)]
    found = list(portions(text + "".join(f"{rule}\n" for rule in rules) + "COMMIT\n", 2))
    assert found[:2] == [
        "*raw\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n",
        "*filter\n:FORWARD ACCEPT [0:0]\n:web - [0:0]\nCOMMIT\n",
    ]
    assert found[2:] == ["\n".join(("*filter", *rules[n : n + 2], "COMMIT", "")) for n in (0, 2, 4)]


LONG = """
from tests.kernel.test_loading import *
rules = [f"-A FORWARD -s 10.1.{n >> 8}.{n & 255} -j DROP" for n in range(3000)]
with Kernel(Stage(("in0", "out0")), Backend.NFT) as kernel:
    kernel.load(4, table("-A FORWARD -j MARK --set-xmark 0x1/0x1", name="mangle") + table(*rules, "-A FORWARD -j DROP"), "")
    print(ends(kernel))
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="gives up rights, which needs root and setpriv"
)
def test_a_dump_longer_than_one_message_needs_no_rights_of_root() -> None:
    """Every rule is loaded once, also those of the tables that fitted into a message of their own."""
    if reason := unavailable(Backend.NFT):
        pytest.skip(reason)
    rights = "-sys_admin,-net_admin"
    command = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}", sys.executable, "-c", LONG]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if "allow user namespaces" in ran.stderr:
        pytest.skip("no user namespaces on this machine")
    steps = [
        ("mangle", "PREROUTING", None), ("mangle", "FORWARD", 1), ("mangle", "FORWARD", None), ("filter", "FORWARD", 3001),
    ]  # fmt: skip
    assert ran.stdout.strip() == repr((Verdict.DROP, steps)), ran.stderr
