"""The language of Calico's selectors: what is read, how it is spelled, where it is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.policies.calico_selector import (
    DEEPEST,
    SERVICE_ACCOUNT,
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
    SelectorError,
    canonical,
    of_namespaces,
    of_service_accounts,
    owned,
    parse,
)

KEYS = st.sampled_from(["app", "in", "not", "has", "all", "pcns.team", "example.com/a_b-c", "contains"])
TEXTS = st.sampled_from(["", "a", "it's", 'the "x"', "a && b", "{", "café"])
LEAVES = st.one_of(
    st.just(Everything()),
    st.just(Global()),
    st.builds(Has, KEYS),
    st.builds(Compare, KEYS, st.sampled_from(Comparison), TEXTS),
    st.builds(
        OneOf,
        KEYS,
        st.frozensets(TEXTS, max_size=3).map(lambda texts: tuple(sorted(texts, key=str.encode))),
        st.booleans(),
    ),
)


def joined(inner: st.SearchStrategy[Selector]) -> st.SearchStrategy[Selector]:
    parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
    negated = inner.filter(lambda part: not isinstance(part, Negation)).map(Negation)
    return st.one_of(negated, st.builds(Conjunction, parts), st.builds(Disjunction, parts))


@given(st.recursive(LEAVES, joined, max_leaves=8))
def test_the_canonical_spelling_is_read_as_the_same_selector(selector: Selector) -> None:
    assert parse(canonical(selector)) == selector


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("", "all()"),
        (" \t", "all()"),
        ("all( )", "all()"),
        ("!!has( a )", "has(a)"),
        ("! ! ! has(a)", "!has(a)"),
        ("!(a == 'b')", '!a == "b"'),
        ("a == 'b' && c == 'd' && e == 'f'", '(a == "b" && c == "d" && e == "f")'),
        ("(a == 'b' && c == 'd') && e == 'f'", '((a == "b" && c == "d") && e == "f")'),
        ("a == 'b' || !has(c) && d != 'e'", '(a == "b" || (!has(c) && d != "e"))'),
        ("a in { 'y', \"x\",'y' }", 'a in {"x", "y"}'),
        ("a in {'x',}", 'a in {"x"}'),
        ("a notin{}", "a not in {}"),
        ("a startswith 'b' && c endswith 'd'", '(a starts with "b" && c ends with "d")'),
        ("in in {'in'} || not not in {'x'}", '(in in {"in"} || not not in {"x"})'),
        ("a == 'say \"b\"'", "a == 'say \"b\"'"),
    ],
)
def test_spelling(text: str, spelled: str) -> None:
    assert canonical(parse(text)) == spelled


@pytest.mark.parametrize(
    ("text", "column", "problem"),
    [
        ("a", 2, "in, contains, starts with or ends with, found the end"),
        ("a == b", 6, "expected a text in quotes, found 'b'"),
        ("a = 'b'", 3, "ends with, found '='"),
        ("a == 'b", 6, "expected a text that ends with ', found the end"),
        ("has('a')", 5, "expected a label without quotes"),
        ("has(a", 6, "expected a closing parenthesis, found the end"),
        ("all(x)", 5, "expected a closing parenthesis, found 'x'"),
        ("any(x)", 1, "expected has(LABEL), all() or global(), found 'any'"),
        ("(a == 'b'", 10, "&&, || or a closing parenthesis, found the end"),
        ("a in 'b'", 6, "values in braces"),
        ("a in {,}", 7, "expected a text in quotes, found ','"),
        ("a in {'b' 'c'}", 11, "a comma or a closing brace"),
        ("a == 'b' c == 'd'", 10, "expected &&, || or the end, found 'c'"),
        ("a && b == 'c'", 3, "found '&&'"),
        ("a == 'b' &&", 12, "found the end"),
        ("a == 'b' & c == 'd'", 10, "found '&'"),
        ("a == 'b'\n", 9, "found '\\n'"),
        ("a startsx with 'b'", 3, "found 'startsx'"),
        ("a != != 'b'", 6, "expected a text in quotes"),
        ("'a' == 'b'", 1, "expected a label"),
        ("(" * (DEEPEST + 1), DEEPEST + 1, "at most 100 parentheses"),
    ],
)
def test_refusals(text: str, column: int, problem: str) -> None:
    with pytest.raises(SelectorError) as caught:
        parse(text)
    assert caught.value.column == column
    assert problem in caught.value.problem


def test_the_deepest_selector_is_read() -> None:
    assert parse("!(" * DEEPEST + "has(a)" + ")" * DEEPEST)


@pytest.mark.parametrize(
    ("text", "of_spaces"),
    [
        ("team == 'a' && !has(b)", '(pcns.team == "a" && !has(pcns.b))'),
        ("all()", "has(projectcalico.org/namespace)"),
        ("all() && a in {'b'}", '(has(projectcalico.org/namespace) && pcns.a in {"b"})'),
        ("global()", "!has(projectcalico.org/namespace)"),
    ],
)
def test_selectors_of_namespaces(text: str, of_spaces: str) -> None:
    assert canonical(of_namespaces(parse(text))) == of_spaces


def test_selectors_of_service_accounts() -> None:
    assert canonical(of_service_accounts(parse("a contains 'b' || all()"))) == '(pcsa.a contains "b" || all())'
    assert canonical(owned(parse("all()"), SERVICE_ACCOUNT)) == "has(projectcalico.org/serviceaccount)"
