"""Classes of texts: every value of a label is in the one that its tests say, and each class has such values."""

from __future__ import annotations

from itertools import product

import pytest

from verifier.model.layer import Asked
from verifier.model.predicate import TextTest
from verifier.semantics.free import texts
from verifier.semantics.free.texts import NAME, VALUE, TooManyTexts, text_classes

STARTS, CONTAINS, ENDS = TextTest.STARTS, TextTest.CONTAINS, TextTest.ENDS
LETTERS = frozenset("ab-")


def values(longest: int) -> list[str]:
    """Every value of a few letters."""
    found = ["".join(each) for length in range(longest + 1) for each in product("ab-", repeat=length)]
    return [each for each in found if not each or (each[0] != "-" and each[-1] != "-")]


@pytest.mark.parametrize(
    "tests",
    [
        [],
        [(STARTS, "a")],
        [(STARTS, "a"), (STARTS, "ab"), (ENDS, "a")],
        [(CONTAINS, "ab"), (CONTAINS, "ba")],
        [(CONTAINS, "aab"), (ENDS, "ab"), (STARTS, "aa")],
        [(CONTAINS, "-"), (STARTS, "-"), (ENDS, "b")],
        [(CONTAINS, ""), (STARTS, ""), (ENDS, "")],
        [(CONTAINS, "a-a"), (ENDS, "a"), (CONTAINS, "c")],
    ],
)
@pytest.mark.parametrize("named", [(), ("a", "ab", "aab"), ("", "b")])
def test_the_classes_are_those_of_all_values(tests: list[tuple[TextTest, str]], named: tuple[str, ...]) -> None:
    asked = [Asked(*each) for each in tests]
    found = text_classes(asked, named, LETTERS)
    wanted: dict[frozenset[Asked], set[str]] = {}
    for value in values(7):
        if value not in named:
            passed = frozenset(each for each in asked if each.test.holds(value, each.text))
            wanted.setdefault(passed, set()).add(value)
    assert {each.passed for each in found} == set(wanted)
    for each in found:
        assert set(each.samples) <= wanted[each.passed]
        assert len(each.samples) == min(2, len(wanted[each.passed]))


def test_a_value_has_at_most_63_characters() -> None:
    assert len(text_classes([Asked(CONTAINS, "a" * 63)], (), VALUE)) == 2
    assert len(text_classes([Asked(CONTAINS, "a" * 64)], (), VALUE)) == 1
    assert len(text_classes([Asked(STARTS, "a" * 40), Asked(ENDS, "b" * 40)], (), VALUE)) == 3


def test_a_namespace_has_a_name() -> None:
    (only,) = text_classes([Asked(CONTAINS, "")], (), NAME, empty=False)
    assert "" not in only.samples
    assert [each.passed for each in text_classes([Asked(STARTS, "Shop")], (), NAME, empty=False)] == [frozenset()]


def test_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "MOST", 20)
    with pytest.raises(TooManyTexts):
        text_classes([Asked(CONTAINS, "abcabc"), Asked(CONTAINS, "cbacba")], (), VALUE)
