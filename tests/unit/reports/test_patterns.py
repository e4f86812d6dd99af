"""Rules that do the same for different pods, policies or sets have one shape."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.reports import sample
from verifier.model.effect import Verdict
from verifier.model.finding import Kind
from verifier.model.trace import ChainTrace, Step
from verifier.reports.patterns import deciding_policy, patterns_of, rule_shape


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            '-A KUBE-NWPLCY-AAAA -m comment --comment "a/b ingress" -m set --match-set KUBE-SRC-X src -j MARK --set-xmark 0x1/0x1',
            '-A KUBE-NWPLCY-BBBB -m comment --comment "c \\"d" -m set --match-set KUBE-SRC-Y src -j MARK --set-xmark 0x1/0x1',
        ),
        (
            "-A x-1 -s 10.0.0.0/8 -p tcp -m tcp --dport 80 -j ACCEPT",
            "-A x-2 -s 172.17.0.1/32 -p tcp -m tcp --dport 80:90 -j ACCEPT",
        ),
        ("-A cali-fw-cali1 -i cali1 -g cali-x-1", "-A cali-fw-cali2 -i cali2 -g cali-x-2"),
        ("-A x-1 -d fd00::1/128 -j DROP", "-A x-1 -d fd00:0:1::/64 -j DROP"),
    ],
)
def test_names_and_numbers_do_not_matter(one: str, other: str) -> None:
    assert rule_shape(one) == rule_shape(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("-A x-1 -j ACCEPT", "-A x-1 -j DROP"),
        ("-A x-1 -j MARK --set-xmark 0x1/0x1", "-A x-1 -j MARK --set-xmark 0x2/0x2"),
        ("-A x-1 -p tcp -j ACCEPT", "-A x-1 -p udp -j ACCEPT"),
        ("-A x-1 -m set --match-set a-b src -j DROP", "-A x-1 -m set ! --match-set a-b src -j DROP"),
        ("-A FORWARD -j DROP", "-A INPUT -j DROP"),
    ],
)
def test_what_a_rule_does_matters(one: str, other: str) -> None:
    assert rule_shape(one) != rule_shape(other)


def test_kinds_are_apart_and_the_first_finding_leads() -> None:
    blocked = replace(sample.LEAK, id="b", kind=Kind.BLOCKED)
    second = replace(sample.LEAK, id="c")
    groups = patterns_of((blocked, sample.LEAK, second))
    assert [[finding.id for finding in group] for group in groups] == [["leak-1a2b3c", "c"], ["b"]]


def test_what_a_chains_policy_decides_is_told_by_chain() -> None:
    def by_policy(chain: str) -> object:
        step = replace(sample.TRACE.steps[-1], rule=None, number=0, chain=chain)
        witness = replace(sample.WITNESS, chains=replace(sample.TRACE, steps=(step,)))
        return replace(sample.LEAK, rules=(), witness=witness)

    assert len(patterns_of((by_policy("FORWARD"), by_policy("FORWARD"), by_policy("INPUT")))) == 2  # type: ignore[arg-type]


def test_the_policy_of_a_later_table_decides_nothing() -> None:
    end = Step("nat", "POSTROUTING", 0, None, 0, 0)
    assert deciding_policy(replace(sample.TRACE, steps=(*sample.TRACE.steps, end))) is None
    default = Step("filter", "FORWARD", 0, None, 0, 0)
    assert deciding_policy(replace(sample.TRACE, steps=(*sample.TRACE.steps, default, end))) is default
    assert deciding_policy(ChainTrace(Verdict.DROP, (default,), 0)) is default
