"""Policies over free packets where something has no static meaning."""

from __future__ import annotations

import pytest

from verifier.model.fields import NAMESPACE_NAME, TCP, End, Field, Label, Scope
from verifier.model.finding import Answer
from verifier.model.layer import LayerOptions, Side
from verifier.model.origin import Origin
from verifier.model.policy import Action, Direction, Policy, PolicyRule, Tier
from verifier.model.predicate import TRUE, LabelIn, Not, Opaque, Predicate, all_of, any_of, equals
from verifier.questions.layer import compare

ORIGIN = Origin("policies.yaml", 1)
SHOP = LabelIn(Label(End.DESTINATION, Scope.NAMESPACE, NAMESPACE_NAME), frozenset(["shop"]))
HTTP = Opaque("http methods")
PORT = all_of(equals(Field.PROTOCOL, TCP), equals(Field.DESTINATION_PORT, 80))


def side(*rules: tuple[Predicate, Action], unmatched: Action = Action.DENY) -> Side:
    made = tuple(
        PolicyRule(Direction.INGRESS, TRUE, ports, action, ORIGIN, f"ingress[{number}]")
        for number, (ports, action) in enumerate(rules)
    )
    policy = Policy("NetworkPolicy", "shop/web", {Direction.INGRESS: SHOP}, made, ORIGIN)
    return Side("policies.yaml", (Tier("networkpolicy", (policy,), unmatched),))


@pytest.mark.parametrize(
    ("left", "right", "answer"),
    [
        ([(PORT, Action.ALLOW)], [(all_of(PORT, HTTP), Action.ALLOW)], Answer.UNDECIDED),
        ([(PORT, Action.ALLOW)], [(all_of(PORT, Not(HTTP)), Action.ALLOW)], Answer.UNDECIDED),
        ([(PORT, Action.ALLOW)], [(any_of(PORT, HTTP), Action.ALLOW)], Answer.UNDECIDED),
        ([], [(any_of(PORT, HTTP), Action.ALLOW)], Answer.REFUTED),
        ([(PORT, Action.ALLOW)], [(all_of(Not(PORT), Not(HTTP)), Action.DENY), (PORT, Action.ALLOW)], Answer.UNDECIDED),
        ([(PORT, Action.ALLOW)], [(HTTP, Action.PASS), (PORT, Action.ALLOW)], Answer.UNDECIDED),
        ([(PORT, Action.ALLOW)], [(all_of(HTTP, Not(TRUE)), Action.DENY), (PORT, Action.ALLOW)], Answer.PROVED),
        ([(PORT, Action.ALLOW)], [(PORT, Action.ALLOW), (PORT, Action.DENY)], Answer.PROVED),
        ([(PORT, Action.ALLOW)], [(PORT, Action.DENY), (PORT, Action.ALLOW)], Answer.REFUTED),
        ([(PORT, Action.ALLOW)], [(PORT, Action.ALLOW), (TRUE, Action.DENY)], Answer.REFUTED),
        ([(PORT, Action.ALLOW)], [(PORT, Action.PASS)], Answer.REFUTED),
    ],
)
def test_what_has_no_static_meaning_proves_and_refutes_nothing(
    left: list[tuple[Predicate, Action]], right: list[tuple[Predicate, Action]], answer: Answer
) -> None:
    verdict = compare(side(*left), side(*right), LayerOptions())
    assert verdict.answer is answer
    if answer is Answer.UNDECIDED:
        assert verdict.pairs[0].reasons == ("http methods",)
