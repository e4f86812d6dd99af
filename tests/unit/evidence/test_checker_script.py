"""The subset of SMT-LIB: what is outside it is refused, with the line and what was expected."""

from __future__ import annotations

import re

import pytest

from verifier.evidence.checker.refused import RefusedError
from verifier.evidence.checker.script import read_script

HEAD = """(set-logic QF_BV)
(declare-const v (_ BitVec 8))
(declare-const p Bool)
(define-fun f ((x (_ BitVec 8)) (y Bool)) Bool (or y (= x v)))
(define-fun g () Bool (f v p))
"""


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("(declare-fun h () Bool)", "is no command of the subset"),
        ("(exit)", "is no command of the subset"),
        ("()", "is no command of the subset"),
        ("((assert) p)", "is no command of the subset"),
        ("(set-logic QF_BV)", "expected one (set-logic QF_BV)"),
        ("(declare-const v Bool)", "v is already the name of something else"),
        ("(declare-const and Bool)", "and is already the name of something else"),
        ("(declare-const 7 Bool)", "expected a name, not 7"),
        ("(declare-const w Int)", "expected the sort Bool or (_ BitVec n), not Int"),
        ("(declare-const w (_ BitVec 0))", "a vector has 1 to 4096 bits, not 0"),
        ("(declare-const w)", "expected (declare-const name sort)"),
        ("(define-fun g () Bool p)", "g is already the name of something else"),
        ("(define-fun v () Bool p)", "v is already the name of something else"),
        ("(define-fun h ((g Bool)) Bool g)", "g is already the name of something else"),
        ("(define-fun h ((x Bool) (x Bool)) Bool x)", "x is the name of something else here"),
        ("(define-fun h ((h Bool)) Bool h)", "h is the name of something else here"),
        ("(define-fun h () Bool h)", "h is not defined before"),
        ("(define-fun h () Bool v)", "h is not of the sort that its definition states"),
        ("(define-fun h () Bool)", "expected (define-fun name ((parameter sort) …) sort term)"),
        ("(assert v)", "what is asserted has to be of the sort Bool"),
        ("(assert q)", "q is not defined before"),
        ("(assert f)", "f is not defined before, or takes arguments"),
        ("(assert (f v))", "f takes arguments of other sorts or of another number"),
        ("(assert (f p v))", "f takes arguments of other sorts or of another number"),
        ("(assert (g))", "g is neither defined before nor an operator"),
        ("(assert (and p))", "and takes no Bool"),
        ("(assert (and p v))", "and takes no Bool, (_ BitVec 8)"),
        ("(assert (not v))", "not takes no (_ BitVec 8)"),
        ("(assert (= v p))", "= takes no (_ BitVec 8), Bool"),
        ("(assert (= v #x0a0))", "= takes no (_ BitVec 8), (_ BitVec 12)"),
        ("(assert (bvule v v v))", "bvule takes no"),
        ("(assert (bvadd v v))", "bvadd is neither defined before nor an operator"),
        ("(assert (ite p v p))", "ite takes no"),
        ("(assert (= v (_ bv256 8)))", "256 does not fit into 8 bits"),
        (f"(assert (= v (_ bv{'9' * 5000} 8)))", "does not fit into 8 bits"),
        ("(assert (= v #xg0))", "#xg0 is no value"),
        ("(assert (= ((_ extract 8 1) v) v))", "no bits 8 to 1 in a term of (_ BitVec 8)"),
        ("(assert (= ((_ extract 1 2) v) v))", "no bits 1 to 2"),
        ("(assert (= ((_ extract 0 0) p) #b1))", "no bits 0 to 0 in a term of Bool"),
        ("(assert (= ((_ zero_extend 1) v) v))", "expected (_ extract i j)"),
        ("(assert (let ((g p)) g))", "g is already the name of something else"),
        ("(assert (let ((x p) (x p)) x))", "x is already the name of something else"),
        ("(assert (let () p))", "expected (let ((name term) …) term)"),
        ("(assert (let ((x p)) y))", "y is not defined before"),
        ("(assert (and (let ((x p)) x) x))", "x is not defined before"),
        ("(assert p", "the group that begins here never ends"),
        ("(assert p))", "')' stands outside any command"),
        ("(assert {p})", "the character '{' has no meaning here"),
        ("(pop 1)", "expected (pop 1) after a (push 1)"),
        ("(push 2)", "expected (push 1) outside any other"),
        ("(set-info :status maybe)", "expected the status sat, unsat, unknown, not maybe"),
        ('(set-option :regular-output-channel "file")', "is no command of the subset"),
        ("(check-sat p)", "expected (check-sat)"),
    ],
)
def test_what_is_outside_the_subset_is_refused(line: str, problem: str) -> None:
    """One line too many, named by its number."""
    with pytest.raises(RefusedError, match=re.escape(problem)) as refused:
        read_script(f"{HEAD}{line}\n")
    assert refused.value.line == 6


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("(check-sat)\n", 1, "(set-logic QF_BV) has to come first"),
        ("; nothing\n", 0, "no (set-logic QF_BV)"),
        (f"{HEAD}(push 1)\n(push 1)\n", 7, "expected (push 1) outside any other"),
        (f"{HEAD}(push 1)\n(check-sat)\n", 0, "a (push 1) without its (pop 1)"),
        (f"{HEAD}(push 1)\n(declare-const w Bool)\n", 7, "names are introduced outside (push 1) and (pop 1)"),
        (f"{HEAD}{'(' * 60_000}", 6, "more than 50000 groups within each other"),
    ],
)
def test_what_is_out_of_place_is_refused(text: str, line: int, problem: str) -> None:
    """What depends on what stands around it."""
    with pytest.raises(RefusedError, match=re.escape(problem)) as refused:
        read_script(text)
    assert refused.value.line == line


def test_assertions_hold_until_they_are_popped() -> None:
    """Those of the push alone go with it; the status belongs to the next query."""
    script = read_script(
        f"{HEAD}(assert p)(push 1)(assert g)(set-info :status sat)(check-sat)(pop 1)(check-sat)(assert g)(check-sat)"
    )
    assert [(len(query.assertions), query.status) for query in script.queries] == [(2, "sat"), (1, ""), (2, "")]


def test_quoted_names_are_the_names_themselves() -> None:
    """|v| is v; what can only be quoted keeps its bars; the words of the language are not names."""
    read_script(f"{HEAD}(declare-const |a b| Bool)(assert (and |a b| (= |v| v)))")
    for line in ("(declare-const |v| Bool)", "(assert |true|)", "(assert (|let| ((x p)) x))", "(assert (= v |#x00|))"):
        with pytest.raises(RefusedError):
            read_script(HEAD + line)


def test_locals_may_be_named_like_constants() -> None:
    """Parameters and lets hide constants and each other, as the language says."""
    script = read_script(f"{HEAD}(define-fun h ((v Bool)) Bool (let ((v (not v))) (let ((v (not v))) v)))(check-sat)")
    assert list(script.constants) == ["v", "p"]
