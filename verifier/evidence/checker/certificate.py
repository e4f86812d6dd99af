"""Certificates: per query its answer, and the lemmas or the values that show it.

    chainproof certificate 1        the first line
    query 1 unsat                   per check-sat of the script, numbered from 1 in their order
    case 1                          per case of the query (`Meaning.cases`) that is not false of itself and that no
                                    proof before was of already
    f -3 7 0                        a field lemma: a clause about one constant that each of its values satisfies
    -2 9 0 4 17 23 0                a lemma: its literals, then the clauses from which it follows by unit propagation
    0 25 3 0                        the last lemma of a proof is the empty clause
    query 2 sat
    dst #x0a2a0105                  a value for each constant that matters
    query 3 unknown                 nothing is shown of it
    end 3                           the last line: the number of queries

The clauses are those of `clauses`, numbered from 1; lemmas of both kinds are numbered after them in their order. Lemmas with
their antecedents are the form known as LRAT, without deletions and without any step that adds what does not follow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from verifier.evidence.checker.refused import CERTIFICATE, RefusedError

FIRST = "chainproof certificate 1"
HEADING = re.compile(r"query ([1-9][0-9]{0,8}) (sat|unsat|unknown)")
END = re.compile(r"end ([0-9]{1,9})")
CASE = re.compile(r"case ([1-9][0-9]{0,8})")
VALUE = re.compile(r"(\S+|\|[^|]*\|) (#b[01]+|#x[0-9a-f]+|true|false)")
LEMMA = re.compile(r"(?:-?[1-9][0-9]{0,8} )*0(?: [1-9][0-9]{0,8})+ 0")
FIELD_LEMMA = re.compile(r"f(?: -?[1-9][0-9]{0,8})+ 0")


@dataclass(frozen=True, slots=True)
class Lemma:
    """A clause that follows: from its field where it names no antecedents, else from these by unit propagation."""

    line: int
    literals: tuple[int, ...]
    antecedents: tuple[int, ...]


@dataclass(slots=True)
class Claim:
    """What a certificate says of one query: lemmas by case where it is unsat, values of constants where it is sat."""

    line: int
    answer: str
    cases: dict[int, list[Lemma]] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)


def read_certificate(text: str) -> list[Claim]:
    """The claims of a certificate, in the order of the queries; RefusedError with the line where the text is none."""
    lines = text.split("\n")
    if lines[0] != FIRST:
        raise RefusedError(CERTIFICATE, 1, f"expected the line {FIRST!r}")
    if len(lines) < 3 or lines[-1] or not (match := END.fullmatch(lines[-2])):
        raise RefusedError(
            CERTIFICATE, len(lines), "the last line is not 'end' with the number of queries: it was cut short"
        )
    claims: list[Claim] = []
    for number, line in enumerate(lines[1:-2], 2):
        if heading := HEADING.fullmatch(line):
            if int(heading[1]) != len(claims) + 1:
                raise RefusedError(CERTIFICATE, number, f"expected query {len(claims) + 1}, not {heading[1]}")
            claims.append(Claim(number, heading[2]))
        elif not claims:
            raise RefusedError(CERTIFICATE, number, "expected the heading of query 1")
        else:
            _add(claims[-1], line, number)
    if int(match[1]) != len(claims):
        raise RefusedError(CERTIFICATE, len(lines) - 1, f"{len(claims)} queries stand before the end, not {match[1]}")
    return claims


def _add(claim: Claim, line: str, number: int) -> None:
    if claim.answer == "unsat":
        if (case := CASE.fullmatch(line)) and int(case[1]) > max(claim.cases, default=0):
            claim.cases[int(case[1])] = []
            return
        lemma = _lemma(line, number)
        if lemma is not None and claim.cases:
            claim.cases[max(claim.cases)].append(lemma)
            return
    elif claim.answer == "sat" and (match := VALUE.fullmatch(line)) and match[1] not in claim.values:
        claim.values[match[1]] = match[2]
        return
    raise RefusedError(CERTIFICATE, number, f"{line[:40]!r} is no line of a query that is {claim.answer}")


def _lemma(line: str, number: int) -> Lemma | None:
    if FIELD_LEMMA.fullmatch(line):
        return Lemma(number, tuple(map(int, line[2:-2].split(" "))), ())
    if not LEMMA.fullmatch(line):
        return None
    words = list(map(int, line.split(" ")))
    middle = words.index(0)
    return Lemma(number, tuple(words[:middle]), tuple(words[middle + 1 : -1]))


def write_certificate(claims: Iterable[tuple[str, Mapping[int, Sequence[Lemma]], Mapping[str, str]]]) -> str:
    """The text of a certificate with these answers, lemmas by case and values, in the order of the queries."""
    lines = [FIRST]
    number = 0
    for number, (answer, cases, values) in enumerate(claims, 1):
        lines.append(f"query {number} {answer}")
        for case, lemmas in cases.items():
            lines.append(f"case {case}")
            lines.extend(map(_line, lemmas))
        lines.extend(f"{name} {value}" for name, value in values.items())
    lines.append(f"end {number}")
    return "\n".join(lines) + "\n"


def _line(lemma: Lemma) -> str:
    literals = " ".join(map(str, (*lemma.literals, 0)))
    return f"{literals} {' '.join(map(str, lemma.antecedents))} 0" if lemma.antecedents else f"f {literals}"
