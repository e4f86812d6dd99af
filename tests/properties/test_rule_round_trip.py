"""Rules that are read and printed back are the same, and both ways of reading agree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.properties.rules import rules
from verifier.readers.iptables_save import read_ruleset
from verifier.readers.rule import read_rule, spell_rule
from verifier.readers.words import split_words

DECLARED = frozenset(("user",))


@pytest.mark.parametrize("family", [4, 6])
@given(data=st.data())
def test_a_rule_that_is_read_prints_back(family: int, data: st.DataObject) -> None:
    """Whatever iptables-save prints."""
    line = data.draw(rules(family))
    rule = read_rule(split_words(line)[2:], family, DECLARED)
    assert spell_rule("user", rule) == line


@pytest.mark.parametrize("family", [4, 6])
@given(data=st.data())
def test_reading_by_pieces_agrees_with_reading_word_by_word(family: int, data: st.DataObject) -> None:
    """A dump's rules mean what each of them means alone, whatever stood before it."""
    lines = data.draw(st.lists(rules(family), min_size=1, max_size=4))
    text = "\n".join(("*filter", ":user - [0:0]", *lines, "COMMIT", ""))
    found = read_ruleset(text, "x", family).chains["filter", "user"].rules
    assert len(found) == len(lines)
    for line, rule in zip(lines, found, strict=True):
        alone = read_rule(split_words(line)[2:], family, DECLARED)
        assert (rule.match, rule.effect, rule.comments) == (alone.meaning(), alone.effect(), alone.comments())
        assert rule.text == line
