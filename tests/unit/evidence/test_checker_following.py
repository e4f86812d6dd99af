"""What the checker follows once, and puts together afterwards: arguments that wait, vectors of few values."""

from __future__ import annotations

import pytest

from verifier.evidence.certificate import certify
from verifier.evidence.checker import meaning
from verifier.evidence.checker.check import check

HEAD = "(set-logic QF_BV)\n(declare-const a (_ BitVec 32))\n(declare-const b (_ BitVec 32))\n"
PAIR = "((x (_ BitVec 32)) (y (_ BitVec 32))) Bool"


def answers(definitions: str, *asserted: str) -> list[str]:
    """What is shown of queries that each assert one thing."""
    queries = "".join(f"(push 1)\n(assert {each})\n(check-sat)\n(pop 1)\n" for each in asserted)
    text = f"{HEAD}{definitions}\n{queries}"
    return check(text, certify(text))


def test_arguments_that_wait_are_not_taken_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the definition around, what stands for an argument can be the argument that another definition does not wait for."""
    monkeypatch.setattr(meaning, "MOST_OUTLINED", 1)
    definitions = f"(define-fun below {PAIR} (bvule x y))\n(define-fun above {PAIR} (below y x))"
    asked = "(not (above a #x00000005))", "(and (above a #x00000005) (not (bvule #x00000005 a)))"
    assert answers(definitions, *asked) == ["sat", "unsat"]


def test_a_step_is_followed_for_each_value_before_it() -> None:
    """Steps in a row as chains have them, and a vector put together from two parts of one."""
    definitions = """
    (define-fun step ((s (_ BitVec 3)) (x (_ BitVec 32))) (_ BitVec 3)
      (let ((s (ite (and (= s #b000) (bvule x #x0000000f)) #b010 s)))
      (let ((s (ite (and (= s #b000) (bvule x #x000000ff)) #b101 s)))
      (let ((s (ite (= ((_ extract 0 0) s) #b1) (concat ((_ extract 2 1) s) #b0) s)))
      s))))
    (define-fun parted () (_ BitVec 3) (concat ((_ extract 2 2) (step #b000 a)) ((_ extract 1 0) (step #b000 a))))"""
    asked = (
        "(not (= parted (step #b000 a)))",
        "(and (= parted #b100) (or (bvule a #x0000000f) (bvult #x000000ff a)))",
        "(and (= parted #b100) (= a #x000000ff))",
        "(not (or (= parted #b000) (= parted #b010) (= parted #b100)))",
    )
    assert answers(definitions, *asked) == ["unsat", "unsat", "sat", "unsat"]
