"""Selectors over drawn labels: what they ask of the core is what they say of the map of all labels that a thing has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.model.cluster import Cluster, Namespace, NetworkSet, Pod, ServiceAccount
from verifier.model.fields import NAMESPACE_NAME, TCP, End
from verifier.model.node import NodeState
from verifier.model.origin import Origin
from verifier.model.packet import Packet
from verifier.policies.calico_labels import meaning
from verifier.policies.calico_selector import (
    Compare,
    Comparison,
    Conjunction,
    Disjunction,
    Everything,
    Global,
    Has,
    Negation,
    OneOf,
    Selector,
    canonical,
    parse,
)
from verifier.reference.predicates import holds
from verifier.reference.things import satisfies
from verifier.reference.view import view_of
from verifier.semantics.things import networks_of

HERE = Origin("drawn")
PACKET = Packet(4, 1, 2, TCP, source_port=1, destination_port=1)
OWN = ("a", "b", "pcns.a", "pcsa.a")
RESERVED = ("projectcalico.org/namespace", "projectcalico.org/orchestrator", "projectcalico.org/serviceaccount")
NAMES = ("pcns.projectcalico.org/name", "pcns.kubernetes.io/metadata.name", "pcsa.projectcalico.org/name")
KEYS = st.one_of(st.sampled_from(OWN), st.sampled_from(OWN), st.sampled_from([*RESERVED, *NAMES]))
VALUES = st.sampled_from(["", "x", "xy"])
TEXTS = st.one_of(VALUES, VALUES, st.sampled_from(["space", "account", "k8s", "8"]))
LEAVES = st.one_of(
    st.builds(Compare, KEYS, st.sampled_from(Comparison), TEXTS),
    st.one_of(st.builds(Has, KEYS), st.just(Everything()), st.just(Global())),
    st.builds(OneOf, KEYS, st.frozensets(TEXTS, max_size=3).map(lambda texts: tuple(sorted(texts))), st.booleans()),
)
JOINED = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Negation, inner),
        st.builds(Conjunction, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Disjunction, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=4,
)


def maps(*keys: str) -> st.SearchStrategy[dict[str, str]]:
    drawn = st.tuples(*(st.sampled_from([None, "", "x", "xy"]) for _ in keys))
    return drawn.map(lambda values: {key: value for key, value in zip(keys, values, strict=True) if value is not None})


def says(selector: Selector, labels: dict[str, str]) -> bool:
    """What a selector says of one map of labels, word by word."""
    match selector:
        case Everything():
            return True
        case Global():
            return "projectcalico.org/namespace" not in labels
        case Has(key):
            return key in labels
        case OneOf(key, values, negated):
            return (labels.get(key) in values) is not negated
        case Compare(key, Comparison.EQUALS, text):
            return labels.get(key) == text
        case Compare(key, Comparison.DIFFERS, text):
            return labels.get(key) != text
        case Compare(key, how, text):
            value = labels.get(key)
            tests = {Comparison.CONTAINS: "__contains__", Comparison.STARTS: "startswith", Comparison.ENDS: "endswith"}
            return value is not None and bool(getattr(value, tests[how])(text))
        case Negation(part):
            return not says(part, labels)
        case Conjunction(parts):
            return all(says(part, labels) for part in parts)
        case Disjunction(parts):
            return any(says(part, labels) for part in parts)


def leaves(key: str) -> Iterator[Selector]:
    """Every test of one label, with texts that are all, the beginning, the end or no part of some value."""
    yield Has(key)
    yield from (OneOf(key, values, negated) for values in ((), ("x",), ("", "xy")) for negated in (False, True))
    yield from (Compare(key, how, text) for how in Comparison for text in ("", "x", "y", "xy", "space", "k8s", "count"))


def pod_says(selector: Selector, own: dict[str, str], spaces: dict[str, str], accounts: dict[str, str]) -> bool:
    """What the selector says of all labels of a pod: its own before those inherited, before both those given to it."""
    inherited = {f"pcns.{key}": value for key, value in spaces.items()}
    inherited |= {f"pcsa.{key}": value for key, value in accounts.items()}
    named = dict(zip(NAMES, ("space", "space", "account"), strict=True))
    return says(selector, inherited | named | own | dict(zip(RESERVED, ("space", "k8s", "account"), strict=True)))


def set_says(selector: Selector, own: dict[str, str], spaces: dict[str, str], home: str) -> bool:
    """The same of a network set, which inherits where it is in a namespace."""
    if not home:
        return says(selector, own)
    inherited = {f"pcns.{key}": value for key, value in spaces.items()}
    return says(selector, inherited | dict.fromkeys(NAMES[:2], home) | own | {RESERVED[0]: home})


class World:
    """A cluster of one namespace with one pod and one network set, of the same own labels."""

    def __init__(self, own: dict[str, str], spaces: dict[str, str], accounts: dict[str, str], home: str) -> None:
        space = Namespace("space", {**spaces, NAMESPACE_NAME: "space"}, HERE)
        account = ServiceAccount("space", "account", accounts, HERE)
        pod = Pod("space", "p", own, {4: 1}, "n", False, "Running", (), HERE, "account")
        self.thing = NetworkSet("NetworkSet", home, "x", own, {4: ((2, 2),)}, HERE)
        self.cluster = Cluster(
            {"space": space}, (pod,), service_accounts={account.full_name: account}, network_sets=(self.thing,)
        )
        self.view = view_of(NodeState("n"), self.cluster)

    def of_pod(self, selector: Selector) -> bool | None:
        return holds(meaning(selector, End.SOURCE), PACKET, self.view)

    def of_set(self, selector: Selector) -> tuple[bool, bool]:
        """By the reference and by the engine."""
        part = meaning(selector, End.SOURCE)
        return satisfies(part, self.thing, self.view), bool(list(networks_of(part, 4, self.cluster)))


LABELS: tuple[dict[str, str], ...] = ({}, {"a": ""}, {"a": "x"}, {"a": "xy"})


@pytest.mark.exercises("CSL-3", "CSL-4", "CSL-5")
@pytest.mark.parametrize("key", [*OWN, *RESERVED, *NAMES])
def test_every_test_of_a_label(key: str) -> None:
    """With any of a few values of its own and any that the thing inherits, or none."""
    for own in ({}, {key: ""}, {key: "x"}, {key: "xy"}) if key in OWN else ({},):
        for inherited in LABELS:
            for home in ("", "space"):
                world = World(own, inherited, inherited, home)
                for selector in leaves(key):
                    assert world.of_pod(selector) is pod_says(selector, own, inherited, inherited)
                    expected = set_says(selector, own, inherited, home)
                    assert world.of_set(selector) == (expected, expected)


@pytest.mark.exercises("CSL-1", "CSL-3")
@given(JOINED, maps(*OWN), maps("a"), maps("a"), st.sampled_from(["", "space"]))
@settings(max_examples=60)
def test_joined_tests_of_labels(
    selector: Selector, own: dict[str, str], spaces: dict[str, str], accounts: dict[str, str], home: str
) -> None:
    """Also after they were written and read."""
    world = World(own, spaces, accounts, home)
    expected = set_says(selector, own, spaces, home)
    for each in (selector, parse(canonical(selector))):
        assert world.of_pod(each) is pod_says(selector, own, spaces, accounts)
        assert world.of_set(each) == (expected, expected)
