"""Mutants of recorded nodes: each refuted, undecided for a reason that is named, or proved; and the oracle agrees.

CHAINPROOF_FUZZ=long takes many more places of every kind.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.mutations import Kind, cluster, rules, sets, tables
from tests.mutations.trial import REFUSED, Base, Trial, answer_of, chosen, told, trial

KINDS: dict[str, Kind] = {**rules.KINDS, **tables.KINDS, **sets.KINDS, **cluster.KINDS}
BASES: dict[str, tuple[Base, ...]] = {
    "azure": (("azure", "seed"), ("azure", "shop"), ("azure", "features")),
    "calico": (("calico", "seed"), ("calico", "shop"), ("calico", "features-dual")),
    "kube-router": (("kube-router", "seed"), ("kube-router", "shop"), ("kube-router", "features-dual")),
    "weave": (("weave", "seed"), ("weave", "shop-numeric")),
}
"""The recordings of each compiler; those that are dual stack are mutated in IPv6, too."""
LONG = os.environ.get("CHAINPROOF_FUZZ") == "long"
PLACES = 20 if LONG else 1
"""How many places of a kind are tried of each compiler, and as many again in IPv6."""
BOTH, IPV6 = frozenset({0, 4}), frozenset({6})
SEED = os.environ.get("CHAINPROOF_SEED", "0")

EQUAL = {
    "duplicate a rule",
    "drop becomes reject",
    "another comment",
    "network in two halves",
    "set network in two halves",
    "foreign log first",
    "nat masquerade",
    "chain renamed",
    "tables reordered",
    "policy twice",
}
"""Kinds that change nothing: every mutant is answered like the recording that it was made from."""
SEEN = {
    "foreign drop first": ("refuted",),
    "foreign drop of established first": ("refuted",),
    "raw drop": ("refuted",),
    "mangle drop": ("refuted",),
    "mangle drop of the node": ("refuted",),
    "nat drop": ("refuted",),
    "security drop": ("refuted",),
    "not tracked": ("undecided", "refuted"),
    "all sets gone": ("undecided", "refuted"),
    "dump of a family gone": ("undecided",),
}
"""Kinds of which no mutant can be proved."""
BECAUSE = {
    "limit an accepting rule": r"limit",
    "limit a dropping rule": r"limit",
    "foreign limit first": r"limit",
    "sometimes": r"statistic",
    "unknown match": r"something",
    "unknown target": r"SOMETHING",
    "chain gone": r"chain \S+ .*(missing|not in)",
    "chain loops": r"loop",
    "set gone": r"set \S+ is not in",
    "all sets gone": r"ipset-save|is not in",
    "test a set that is not there": r"set \S+x is not in",
    "not tracked": r"CT|notrack",
    "dump of a family gone": r"ip6?tables-save is missing or empty",
}
"""What the reasons of an undecided mutant name."""

Results = dict[str, list[Trial]]


@pytest.fixture(scope="module")
def results() -> Results:
    """What became of the mutants of each kind in this run."""
    return {}


@pytest.mark.parametrize("kind", KINDS)
def test_mutants(kind: str, results: Results, tmp_path: Path) -> None:
    """What the engine says of the mutants of this kind is what exhaustive checks say."""
    places = [
        place
        for compiler, bases in BASES.items()
        for families in (BOTH, IPV6)
        for place in chosen(KINDS[kind], bases, PLACES, f"{kind} {compiler} {SEED}", families)
    ]
    found = results.setdefault(kind, [])
    for number, (base, edit) in enumerate(places):
        done = trial(base, edit, tmp_path / str(number))
        found.append(done)
        where = f"{'/'.join(base)}, {done.edit}"
        assert not done.faults, f"{where}\n" + "\n".join(done.faults)
        assert done.outcome != REFUSED, f"{where}: {done.reasons}"
        if kind in EQUAL:
            assert done.outcome == answer_of(base), where
        if kind in SEEN:
            assert done.outcome in SEEN[kind], where
        if done.outcome == "undecided":
            named = BECAUSE.get(kind, ".")
            assert any(re.search(named, reason) for reason in done.reasons), f"{where}: {done.reasons}"
    assert found, "no recording has a place for this mutation"


def test_kinds_are_noticed(results: Results) -> None:
    """Most kinds of mutations have a mutant that is refuted, at least forty of them."""
    if len(results) < len(KINDS):
        pytest.skip("only some kinds of mutations were run")
    refuted = [kind for kind, trials in results.items() if told(trials).get("refuted")]
    assert len(refuted) >= 40, refuted


@pytest.mark.parametrize("compiler", BASES)
def test_each_compiler_is_noticed(compiler: str, results: Results) -> None:
    """Of each compiler a good part of the kinds has a mutant that is refuted, in IPv6 as well where it is dual stack."""
    if len(results) < len(KINDS):
        pytest.skip("only some kinds of mutations were run")
    mine = [each for trials in results.values() for each in trials if each.base[0] == compiler]
    refuted = [each for each in mine if each.outcome == "refuted"]
    assert len(refuted) >= 30, told(mine)
    six = [each for each in refuted if each.family == 6]
    assert len(six) >= 15 or not any(each.family == 6 for each in mine), told(mine)
