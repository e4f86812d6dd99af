"""No edit of a script or of a certificate makes the checker show what is not so."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.corpus_path import ROOT
from tests.properties.scripts import random_script
from tests.properties.solving import solved
from verifier.evidence.certificate import certify
from verifier.evidence.checker.check import check
from verifier.evidence.checker.refused import RefusedError

SCRIPT = """(set-logic QF_BV)
(declare-const src (_ BitVec 32))
(declare-const port (_ BitVec 16))
(declare-const free Bool)
(define-fun pods ((a (_ BitVec 32))) Bool (or (= a #x0a2a0001) (= a #x0a2a0002) (= a #x0a2a0007)))
(define-fun subnet ((a (_ BitVec 32))) Bool (= ((_ extract 31 8) a) #x0a2a00))
(define-fun web () Bool (or (= port #x0050) (= port #x01bb)))
(define-fun chain ((s Bool)) Bool (ite (and (pods src) web) true (ite (and (subnet src) free) s false)))
(push 1)
(set-info :status unsat)
(assert (and (chain false) (not web)))
(check-sat)
(pop 1)
(push 1)
(set-info :status sat)
(assert (and (chain true) (not web)))
(check-sat)
(pop 1)
(push 1)
(set-info :status unsat)
(assert (not (=> (chain true) (or (pods src) (and free (subnet src))))))
(check-sat)
(pop 1)
(push 1)
(set-info :status unsat)
(assert (xor (and (subnet src) web (or free (pods src))) (or (and web (pods src)) (and free web (subnet src)))))
(check-sat)
(pop 1)
"""
CERTIFICATE = certify(SCRIPT)
ANSWERS = ["unsat", "sat", "unsat", "unsat"]


def lines_changed(text: str) -> Iterator[str]:
    """One line taken out, written twice, exchanged with the next, cut there; one number or word of it another."""
    lines = text.split("\n")
    for place, line in enumerate(lines):
        before, after = lines[:place], lines[place + 1 :]
        yield "\n".join([*before, *after])
        yield "\n".join([*before, line, line, *after])
        yield "\n".join(before)
        if after:
            yield "\n".join([*before, after[0], line, *after[1:]])
        for match in re.finditer(r"-?\b\d+\b", line):
            for number in (int(match[0]) + 1, int(match[0]) - 1, -int(match[0]), 0, 99999):
                yield "\n".join([*before, line[: match.start()] + str(number) + line[match.end() :], *after])
        for old, new in (("unsat", "sat"), ("sat", "unsat"), ("unsat", "unknown"), ("and", "or"), ("or", "and")):
            yield "\n".join([*before, line.replace(old, new), *after])
        for match in re.finditer(r" \S+", line):
            yield "\n".join([*before, line[: match.start()] + line[match.end() :], *after])


def test_the_certificate_shows_what_is_so() -> None:
    """Both answers, by proof and by values; the long proofs have lemmas of both kinds."""
    assert check(SCRIPT, CERTIFICATE) == ANSWERS == solved(SCRIPT)
    assert re.search("^f ", CERTIFICATE, re.MULTILINE)
    assert re.search("^0 [1-9]", CERTIFICATE, re.MULTILINE)


def test_no_edited_certificate_shows_what_is_not_so() -> None:
    """Whatever line is changed: refused, or the true answers all the same."""
    refused = 0
    for text in lines_changed(CERTIFICATE):
        try:
            assert [each for each in check(SCRIPT, text) if each != "unknown"] == ANSWERS
        except RefusedError:
            refused += 1
    assert refused > 100


def test_no_edited_script_is_shown_to_say_what_it_does_not() -> None:
    """Whatever line is changed: refused, or answers that the solver confirms of the changed script."""
    stripped = SCRIPT.replace("(set-info :status unsat)\n", "").replace("(set-info :status sat)\n", "")
    refused = 0
    for text in lines_changed(stripped):
        try:
            assert check(text, CERTIFICATE) == solved(text), text
        except RefusedError:
            refused += 1
    assert refused > 100


@pytest.mark.exercises("EV-12")
@pytest.mark.parametrize("seed", range(10))
def test_no_edited_random_certificate_shows_what_is_not_so(seed: int) -> None:
    """The same for random scripts, whose proofs use everything."""
    script = random_script(seed, queries=3)
    certificate = certify(script)
    answers = solved(script)
    for text in lines_changed(certificate):
        try:
            found = check(script, text)
        except RefusedError:
            continue
        assert all(each in {"unknown", answer} for each, answer in zip(found, answers, strict=True))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("chainproof certificate 1", "chainproof certificate 2", "certificate:1: expected the line"),
        ("query 4 unsat\ncase 1\n", "query 4 unsat\n", "is no line of a query that is unsat"),
        ("query 4 unsat\ncase 1\n", "query 4 unsat\ncase 2\n", "the proof of case 1 of 1 does not end"),
        ("query 4 unsat\ncase 1\n", "query 4 unsat\ncase 1\ncase 1\n", "is no line of a query that is unsat"),
        ("end 4", "case 2\nend 4", "the query has no more than 1 cases"),
        ("query 2 sat", "query 2 unsat", "is no line of a query that is unsat"),
        ("query 3 unsat", "query 4 unsat", "expected query 3, not 4"),
        ("query 1 unsat\n", "", "expected query 1, not 2"),
        ("query 1 unsat\n", "f 1 0\nquery 1 unsat\n", "expected the heading of query 1"),
        ("end 4\n", "end 3\n", "4 queries stand before the end, not 3"),
        ("end 4\n", "", "it was cut short"),
        ("free true", "free false", "the values do not satisfy the query at line 17"),
        ("free true\n", "", "the values do not satisfy the query at line 17"),
        ("free true", "free #b1", "free #b1: the script declares no such constant of this width"),
        ("free true", "other true", "other true: the script declares no such constant of this width"),
        ("free true", "free true\nfree true", "is no line of a query that is sat"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_said(old: str, new: str, problem: str) -> None:
    """Each fault in its own words, with the line."""
    changed = CERTIFICATE.replace(old, new)
    assert changed != CERTIFICATE
    with pytest.raises(RefusedError, match=re.escape(problem)):
        check(SCRIPT, changed)


@pytest.mark.parametrize(
    ("lemma", "problem"),
    [
        ("0 1 0", "the lemma does not follow from what it names"),
        ("1 -1 0 1 0", "the lemma does not follow from what it names"),
        ("0 99999 0", "the lemma does not follow from what it names"),
        ("99999 0 1 0", "the query has no more than"),
        ("f 1 0", "no field lemma"),
        ("f 99999 0", "the query has no more than"),
        ("f 0", "is no line of a query that is unsat"),
        ("0 0", "is no line of a query that is unsat"),
        ("d 1 0", "is no line of a query that is unsat"),
        ("0 01 0", "is no line of a query that is unsat"),
        ("0 \u0661 0", "is no line of a query that is unsat"),
    ],
)
def test_a_lemma_out_of_nothing_is_refused(lemma: str, problem: str) -> None:
    """Empty clauses without reason, tautologies, numbers beyond all, deletions, digits of other scripts."""
    with pytest.raises(RefusedError, match=re.escape(problem)):
        check(SCRIPT, with_lemma(lemma))


def with_lemma(lemma: str) -> str:
    """The certificate with this as the only lemma of the last proof."""
    return re.sub(r"(?<=query 4 unsat\ncase 1\n)(?s:.)*(?=end)", f"{lemma}\n", CERTIFICATE)


@pytest.mark.parametrize("number", range(1, 60))
def test_no_single_step_shows_anything(number: int) -> None:
    """Whichever clause an empty lemma names, and whichever literal a field lemma consists of."""
    with pytest.raises(RefusedError, match="the lemma does not follow from what it names"):
        check(SCRIPT, with_lemma(f"0 {number} 0"))
    for literal in (number, -number):
        with pytest.raises(RefusedError, match=r"no field lemma|the query has no more than"):
            check(SCRIPT, with_lemma(f"f {literal} 0"))


def test_a_proof_that_stops_early_is_none() -> None:
    """Without its last lemma a proof shows nothing."""
    with pytest.raises(RefusedError, match="the proof of case 1 of 1 does not end in the empty clause"):
        check(SCRIPT, re.sub(r"^0 [0-9 ]+\n", "", CERTIFICATE, flags=re.MULTILINE))


MANY = """(set-logic QF_BV)
(declare-const a (_ BitVec 8))
(declare-const b (_ BitVec 8))
(define-fun pods ((x (_ BitVec 8))) Bool (or (= x #x01) (= x #x02) (= x #x03) (= x #x04) (= x #x05)))
(define-fun pairs ((x (_ BitVec 8)) (y (_ BitVec 8))) Bool
  (or (and (= x #x01) (= y #x01)) (and (= x #x02) (= y #x02)) (and (= x #x03) (= y #x03)) (and (= x #x04) (pods y))))
(assert (pairs a b))
(push 1)
(assert (bvult b #x07))
(assert (xor (= a b) (bvule b #x03)))
(check-sat)
(pop 1)
(push 1)
(assert (not (pods b)))
(check-sat)
(pop 1)
"""


def test_every_case_counts() -> None:
    """A query that is taken apart is unsat where each of its cases is; the fourth of the first one is not."""
    certificate = certify(MANY)
    assert check(MANY, certificate) == ["sat", "unsat"] == solved(MANY)
    assert "\na #x04\n" in certificate
    pretending = re.sub("query 1 sat\n(?:[ab] .*\n)*", "query 1 unsat\n", certificate)
    with pytest.raises(RefusedError, match="the proof of case 4 of 4 does not end in the empty clause"):
        check(MANY, pretending)


def test_what_a_sat_query_refuted_is_proved_again() -> None:
    """Cases that fail before the one that holds have no proof in the certificate: a later query cannot lean on them."""
    never = "(xor (or c d) (or (and c (not d)) d))"
    script = f"""(set-logic QF_BV)
(declare-const a (_ BitVec 8))
(declare-const c Bool)
(declare-const d Bool)
(define-fun pods ((x (_ BitVec 8))) Bool (or (= x #x01) (= x #x02) (= x #x03) (= x #x04)))
(push 1)
(assert (pods a))
(assert (or (= a #x04) {never}))
(check-sat)
(pop 1)
(push 1)
(assert {never})
(check-sat)
(pop 1)
"""
    assert check(script, certify(script)) == ["sat", "unsat"] == solved(script)


def test_a_status_is_a_claim() -> None:
    """A script that says otherwise than its certificate is refused."""
    with pytest.raises(RefusedError, match=r"certificate:\d+: unsat is claimed where the script says sat \(line 12\)"):
        check(SCRIPT.replace("unsat", "sat", 1), CERTIFICATE)
    with pytest.raises(RefusedError, match="4 queries are answered, the script asks 5"):
        check(f"{SCRIPT}(check-sat)\n", CERTIFICATE)


def test_packets_are_evaluated() -> None:
    """Values from elsewhere have to satisfy the query that they are given for."""
    good = {"src": "#x0a2a0003", "free": "true", "port": "#x0000"}
    assert check(SCRIPT, CERTIFICATE, {2: good}) == ANSWERS
    for number, values in ((2, {**good, "src": "#x0b2a0003"}), (2, {**good, "port": "#x0050"}), (4, good), (5, good)):
        with pytest.raises(RefusedError):
            check(SCRIPT, CERTIFICATE, {number: values})


def test_the_checker_stands_alone() -> None:
    """It imports the standard library and itself."""
    for path in sorted((ROOT / "verifier/evidence/checker").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                own = name.startswith("verifier.evidence.checker.")
                assert own or name.split(".")[0] in sys.stdlib_module_names, f"{path.name} imports {name}"


def test_it_runs_by_itself(tmp_path: Path) -> None:
    """`python -m verifier.evidence.checker SCRIPT CERTIFICATE`."""
    script, certificate = tmp_path / "a.smt2", tmp_path / "a.proof"
    script.write_text(SCRIPT, "utf-8")
    certificate.write_text(CERTIFICATE, "utf-8")
    command = [sys.executable, "-m", "verifier.evidence.checker"]
    done = subprocess.run([*command, script, certificate], check=False, capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, "4 of 4 queries shown: 3 unsat, 1 sat\n")
    certificate.write_text(CERTIFICATE.replace("end 4", "end 3"), "utf-8")
    done = subprocess.run([*command, script, certificate], check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr.startswith("error: certificate:")
    assert subprocess.run(command, check=False, capture_output=True, cwd=ROOT).returncode == 2
