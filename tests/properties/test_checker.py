"""The checker of certificates against Z3 and against plain evaluation, on random scripts of its subset."""

from __future__ import annotations

import os
from random import Random

import pytest

from tests.properties.evaluation import Evaluation
from tests.properties.scripts import CONSTANTS, random_script, value_of
from tests.properties.solving import solved
from verifier.evidence.certificate import certify
from verifier.evidence.checker import meaning
from verifier.evidence.checker.check import check
from verifier.evidence.checker.meaning import Meaning
from verifier.evidence.checker.nodes import FALSE, TRUE
from verifier.evidence.checker.operators import value_word
from verifier.evidence.checker.script import read_script
from verifier.evidence.checker.terms import Value

SEEDS = range(20_000 if os.environ.get("CHAINPROOF_FUZZ") == "long" else 300)
BATCH = 50
POINTS = 5
WAITING = ((32, 300), (1, 300), (3, 3))
"""How wide arguments are that wait, and up to which size what is left is kept: random scripts have no addresses."""


@pytest.fixture(autouse=True)
def waiting(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which arguments of definitions are put in their places after the rest was followed."""
    wide, most = WAITING[first // BATCH % len(WAITING)]
    monkeypatch.setattr(meaning, "WIDE", wide)
    monkeypatch.setattr(meaning, "MOST_OUTLINED", most)


@pytest.mark.parametrize("first", SEEDS[::BATCH])
def test_every_answer_is_the_solvers(first: int) -> None:
    """What a certificate claims is shown by the checker, and is what Z3 says of the same text."""
    for seed in range(first, first + BATCH):
        text = random_script(seed)
        assert check(text, certify(text)) == solved(text), seed


@pytest.mark.parametrize("first", SEEDS[::BATCH])
def test_following_a_query_is_evaluating_it(first: int) -> None:
    """Under values of all constants a query becomes true or false, as plain numbers say."""
    for seed in range(first, first + BATCH):
        text = random_script(seed)
        script = read_script(text)
        following = Meaning(list(script.constants.values()))
        random = Random(seed)
        for _ in range(POINTS):
            values = {name: random.randrange(1 << max(width, 1)) for name, width in CONSTANTS.items()}
            expected = Evaluation({name: (values[name], CONSTANTS[name]) for name in values}).answers(text)
            known: dict[int, Value] = {}
            for number, (name, width) in enumerate(CONSTANTS.items()):
                term = value_word(value_of(values[name], width), 0)
                assert term is not None
                assert isinstance(term.payload, int | tuple)
                known[number] = term.payload
            found = [following.under(known, query.assertions) for query in script.queries]
            assert found == [TRUE if each else FALSE for each in expected], seed
