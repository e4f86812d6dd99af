"""Kinds of pods are exactly the combinations of answers that some pod gives."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.model.fields import NAMESPACE_NAME, End, Label, Scope
from verifier.model.predicate import All, AnyOf, LabelIn, LabelText, Not, Predicate, TextTest, all_of
from verifier.semantics.conditions import Conditions
from verifier.semantics.crowd import Crowd
from verifier.semantics.kinds import KindFinder, Surroundings

KEYS = [
    Label(End.SOURCE, Scope.POD, "a"),
    Label(End.DESTINATION, Scope.POD, "b"),
    Label(End.SOURCE, Scope.NAMESPACE, "t"),
]
NAME = Label(End.SOURCE, Scope.NAMESPACE, NAMESPACE_NAME)
HOME = {NAMESPACE_NAME: "home", "t": "1"}
VALUES = ("1", "12", "21", "3", "1+2")
"""For every test that is drawn, values of all sorts: texts that begin, end and hold others, and one that does none."""

tests = st.one_of(
    st.builds(LabelIn, st.sampled_from(KEYS), st.sampled_from([None, frozenset({"1"}), frozenset({"12", "3"})])),
    st.builds(LabelText, st.sampled_from(KEYS), st.sampled_from(list(TextTest)), st.sampled_from(["1", "2", "12"])),
    st.builds(LabelIn, st.just(NAME), st.sampled_from([frozenset({"home"}), frozenset({"away"})])),
)
predicates = st.recursive(
    tests,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, max_size=3).map(lambda parts: all_of(*parts)),
        st.lists(inner, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
    ),
    max_leaves=4,
)


def holds(predicate: Predicate, labels: dict[str, str], space: dict[str, str]) -> bool:
    match predicate:
        case LabelIn(label, values):
            value = (labels if label.scope is Scope.POD else space).get(label.key)
            return value is not None and (values is None or value in values)
        case LabelText(label, test, text):
            value = (labels if label.scope is Scope.POD else space).get(label.key)
            return value is not None and test.holds(value, text)
        case Not(part):
            return not holds(part, labels, space)
        case AnyOf(parts):
            return any(holds(part, labels, space) for part in parts)
        case All(parts):
            return all(holds(part, labels, space) for part in parts)
    raise AssertionError(predicate)


def everybody() -> list[tuple[dict[str, str], dict[str, str]]]:
    values = (None, *VALUES, "2", "?", "122", "11", "12?21")
    spaces = [HOME] + [
        {NAMESPACE_NAME: name} | ({"t": value} if value else {}) for name in ("away", "?") for value in values
    ]
    pods = [{key: value for key, value in zip("ab", pair, strict=True) if value} for pair in product(values, values)]
    return list(product(pods, spaces))


EVERYBODY = everybody()


@settings(max_examples=40)
@given(st.lists(predicates, min_size=1, max_size=3))
def test_every_combination_of_answers_that_some_pod_gives_and_no_other(asked: list[Predicate]) -> None:
    conditions = Conditions()
    finder = KindFinder(conditions, Surroundings({"home": HOME}, {}, 10000))
    made = [conditions.of(each) for each in asked]
    crowd = Crowd(finder.find(made), conditions)
    found = [tuple(holds(each, dict(kind.labels), dict(kind.space)) for each in asked) for kind in crowd.kinds]
    assert {tuple(holds(each, *pod) for each in asked) for pod in EVERYBODY} <= set(found)
    for place, condition in enumerate(made):
        assert crowd.mask(condition) == sum(1 << number for number, answers in enumerate(found) if answers[place])
    answered = crowd.answers(made, crowd.all)
    assert all((answered[a] == answered[b]) == (found[a] == found[b]) for a in answered for b in answered)


def test_names_of_ports_have_numbers_that_some_pod_gives() -> None:
    conditions = Conditions({"http": frozenset({(6, 80), (6, 8080)})})
    finder = KindFinder(conditions, Surroundings({}, conditions.declared, 10))
    found = finder.find([conditions.declares("http", [(6, 80)]), conditions.declares("http", [(6, 8080)])])
    assert {tuple(kind.ports.items()) for kind in found} == {(), (("http", (6, 80)),), (("http", (6, 8080)),)}
