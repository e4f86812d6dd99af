"""Policy rules and networks in words mean what they stand for."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.reports import sample
from verifier.model.addresses import merge, networks, subtract
from verifier.model.fields import NAMESPACE_NAME, TCP, UDP, End, Field, Label, Scope
from verifier.model.policy import Direction
from verifier.model.predicate import (
    TRUE,
    All,
    AnyOf,
    InRange,
    LabelIn,
    Not,
    PortNamed,
    Predicate,
    Range,
    equals,
)
from verifier.reports.spelling import networks_text, policy_rule_text, predicate_text

POD = Label(End.SOURCE, Scope.POD, "app")
SPACE = Label(End.SOURCE, Scope.NAMESPACE, NAMESPACE_NAME)
TEAM = Label(End.SOURCE, Scope.NAMESPACE, "team")
BLOCK = InRange(Field.SOURCE, ((0x0A000000, 0x0A00FFFF), (0x0A020000, 0x0AFFFFFF)), 4)


@pytest.mark.parametrize(
    ("predicate", "text"),
    [
        (TRUE, "anywhere"),
        (LabelIn(POD, frozenset({"web"})), "app=web"),
        (LabelIn(POD, frozenset({"web", "api"})), "app in (api, web)"),
        (LabelIn(POD, None), "app set"),
        (Not(LabelIn(POD, None)), "app absent"),
        (Not(LabelIn(POD, frozenset({"web"}))), "app not in (web)"),
        (All((LabelIn(SPACE, frozenset({"shop"})), LabelIn(TEAM, frozenset({"x"})))), "namespace shop, namespace team=x"),
        (BLOCK, "10.0.0.0/8 except 10.1.0.0/16"),
        (AnyOf((BLOCK, LabelIn(POD, frozenset({"web"})))), "10.0.0.0/8 except 10.1.0.0/16 or app=web"),
        (All((equals(Field.PROTOCOL, TCP), InRange(Field.DESTINATION_PORT, ((80, 90),)))), "tcp 80-90"),
        (equals(Field.PROTOCOL, UDP), "udp"),
        (PortNamed(TCP, "http"), "tcp port http"),
    ],
)  # fmt: skip
def test_predicates(predicate: Predicate, text: str) -> None:
    assert predicate_text(predicate, "anywhere") == text


def test_a_rule_says_what_it_allows() -> None:
    assert policy_rule_text(sample.POLICY, sample.INGRESS_RULE) == "allow from app=web on tcp 8080"


def test_a_policy_without_a_rule_says_whom_it_isolates() -> None:
    assert policy_rule_text(sample.POLICY, None) == "isolates ingress of app=api"


def test_directions_with_one_subject_are_told_together() -> None:
    here, there = (LabelIn(Label(end, Scope.POD, "app"), frozenset({"api"})) for end in (End.DESTINATION, End.SOURCE))
    policy = replace(sample.POLICY, subjects={Direction.INGRESS: here, Direction.EGRESS: there})
    assert policy_rule_text(policy, None) == "isolates egress and ingress of app=api"


def meant(text: str) -> tuple[Range, ...]:
    """What such a text says, read back."""
    found: tuple[Range, ...] = ()
    for item in re.findall(r"[\d./]+(?: except (?:\([^)]*\)|[\d./]+))?", text):
        around, *gone = (ipaddress.IPv4Network(each) for each in re.findall(r"[\d./]+", item))
        spans = [(int(net[0]), int(net[-1])) for net in (around, *gone)]
        found = merge([*found, *subtract(spans[:1], spans[1:])])
    return found


@given(
    st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)).map(lambda pair: (min(pair), max(pair))), min_size=1)
)
def test_networks_with_exceptions_are_exact_and_never_longer(ranges: list[Range]) -> None:
    text = networks_text(4, ranges)
    if "more networks" not in text:
        assert meant(text) == merge(ranges)
    assert len(re.findall(r"[\d./]+", text)) <= len(networks(4, ranges)) + 1
