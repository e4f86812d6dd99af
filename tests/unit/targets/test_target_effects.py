"""What each target extension does to a packet."""

from __future__ import annotations

import pytest

from verifier.model.effect import (
    Assign,
    Call,
    Continue,
    Copy,
    Effect,
    Finish,
    Goto,
    Return,
    Target,
    Translate,
    Unknown,
    Untrack,
    Verdict,
)
from verifier.model.extension import Malformed
from verifier.model.fields import Field
from verifier.model.predicate import TRUE, InRange
from verifier.readers.rule import WrittenRule, read_rule, spell_rule
from verifier.readers.words import split_words
from verifier.targets import TARGETS, find_target

TEN = 10 << 24 | 1


def rule(options: str, family: int = 4) -> WrittenRule:
    return read_rule(split_words(options), family)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", Continue()),
        ("-j ACCEPT", Finish(Verdict.ACCEPT)),
        ("-j DROP", Finish(Verdict.DROP)),
        ("-j REJECT", Finish(Verdict.DROP, "icmp-port-unreachable")),
        ("-j REJECT --reject-with tcp-reset", Finish(Verdict.DROP, "tcp-reset")),
        ("-j REJECT --reject-with host-unreach", Finish(Verdict.DROP, "icmp-host-unreachable")),
        ("-j RETURN", Return()),
        ("-j somewhere", Call("somewhere")),
        ("-g somewhere", Goto("somewhere")),
        ("-j MARK --set-xmark 0x4000/0x0", Assign(Field.MARK, 0x4000, 0)),
        ("-j MARK --set-mark 0x3/0x4", Assign(Field.MARK, 3, 7)),
        ("-j MARK --set-mark 5", Assign(Field.MARK, 5, 0xFFFFFFFF)),
        ("-j MARK --and-mark 0xff", Assign(Field.MARK, 0, 0xFFFFFF00)),
        ("-j MARK --or-mark 0x8", Assign(Field.MARK, 8, 8)),
        ("-j MARK --xor-mark 0x8", Assign(Field.MARK, 8, 0)),
        ("-j CONNMARK --set-xmark 0x1/0xff", Assign(Field.CONNMARK, 1, 0xFF)),
        ("-j CONNMARK --save-mark --nfmask 0xf --ctmask 0xff", Copy(Field.CONNMARK, Field.MARK, 0xFF, 0xF)),
        ("-j CONNMARK --restore-mark --nfmask 0xf --ctmask 0xff", Copy(Field.MARK, Field.CONNMARK, 0xF, 0xFF)),
        ("-j CONNMARK --restore-mark --mask 0xf", Copy(Field.MARK, Field.CONNMARK, 0xF, 0xF)),
        ("-j SNAT --to-source 10.0.0.1", Translate(rewrites_destination=False, text="-j SNAT --to-source 10.0.0.1")),
        ("-j MASQUERADE", Translate(rewrites_destination=False, text="-j MASQUERADE")),
        (
            "-j DNAT --to-destination 10.0.0.1:80",
            Translate(True, "-j DNAT --to-destination 10.0.0.1:80", (Target(4, (TEN, TEN), (80, 80)),)),
        ),
        (
            "-j DNAT --to-destination 10.0.0.1-10.0.0.3:80-82",
            Translate(True, "-j DNAT --to-destination 10.0.0.1-10.0.0.3:80-82", (Target(4, (TEN, TEN + 2), (80, 82)),)),
        ),
        ("-j DNAT --to-destination 10.0.0.1", Translate(True, "-j DNAT --to-destination 10.0.0.1", (Target(4, (TEN, TEN)),))),
        ("-j DNAT --to-destination :80", Translate(True, "-j DNAT --to-destination :80")),
        ("-j DNAT --to-destination 10.0.0.1:80-90/8080", Translate(True, "-j DNAT --to-destination 10.0.0.1:80-90/8080")),
        ("-j REDIRECT --to-ports 80", Translate(True, "-j REDIRECT --to-ports 80")),
        ("-j CT --helper ftp", Continue(attaches=True)),
        ("-j SET --add-set a src --exist", Continue(("a",))),
        ("-j LOG --log-prefix x --log-level 4", Continue()),
        ("-j NFLOG --nflog-group 86", Continue()),
        ("-j NOTRACK", Untrack()),
        ("-j CT --notrack", Untrack()),
    ],
)  # fmt: skip
def test_effect(options: str, expected: Effect) -> None:
    """One target, one effect."""
    assert rule(options).effect() == expected


@pytest.mark.parametrize(
    "options",
    [
        "-j NFQUEUE --queue-num 0",
        "-j QUEUE",
        "-j TPROXY --on-port 80",
        "-j SET --map-set a src --map-mark",
        "-j CONNMARK --save-mark --left-shift-mark 2",
        "-j FUTURE --loud",
        "-j LOG --loud",
    ],
)
def test_any_verdict_is_possible(options: str) -> None:
    """The text begins with the target as it was written."""
    effect = rule(options).effect()
    assert isinstance(effect, Unknown)
    assert effect.text.startswith(f"{options}: ")


def test_connmark_touches_tracked_packets_only() -> None:
    """On others the rule has no effect, as if it did not match (CM-3)."""
    tracked = InRange(Field.STATE, ((0, 2),))
    assert rule("-j CONNMARK --restore-mark").meaning() == tracked
    assert (
        rule("-m connmark --mark 0x1 -j CONNMARK --set-xmark 0x2/0xff").meaning()
        == rule("-m connmark --mark 0x1").meaning()
    )
    assert rule("-j MARK --set-xmark 0x2/0xff").meaning() == TRUE


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("-j MARK --set-mark 1 --or-mark 2", "exactly one of"),
        ("-j MARK ! --set-mark 1", "cannot be inverted"),
        ("-j CONNMARK", "takes one of"),
        ("-j CONNMARK --set-mark 1 --nfmask 2", "masks for the first two only"),
        ("-j REJECT --reject-with icmp6-no-route", "has no answer"),
        ("-g somewhere --loud", "cannot follow the name of a chain"),
    ],
)
def test_refused(options: str, words: str) -> None:
    """What iptables refuses says what is wrong."""
    with pytest.raises(Malformed, match=words):
        rule(options)


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_is_found_and_prints_back(name: str) -> None:
    """By its name."""
    module = find_target(name)
    assert module is not None
    assert module.name == name
    try:
        plain = rule(f"-j {name}")
    except Malformed:
        return
    assert spell_rule("c", plain).startswith(f"-A c -j {name}")


def test_answers_of_ipv6() -> None:
    """The default differs by family."""
    assert rule("-j REJECT", 6).effect() == Finish(Verdict.DROP, "icmp6-port-unreachable")
