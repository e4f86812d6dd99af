"""Whether lemmas follow, one after the other, until nothing is left: the empty clause."""

from __future__ import annotations

from collections.abc import Sequence

from verifier.evidence.checker.certificate import Lemma
from verifier.evidence.checker.clauses import Clause, Clauses
from verifier.evidence.checker.refused import CERTIFICATE, NotShownError, RefusedError


def refutes(clauses: Clauses, lemmas: Sequence[Lemma]) -> bool:
    """Whether the lemmas show that the clauses cannot hold; NotShownError with the line of a lemma that does not follow."""
    known = list(clauses.clauses)
    variables = len(clauses.node_of) - 1
    for lemma in lemmas:
        if any(abs(literal) > variables for literal in lemma.literals):
            raise RefusedError(CERTIFICATE, lemma.line, f"the query has no more than {variables} variables")
        if not lemma.antecedents:
            if not clauses.holds_in_its_field(lemma.literals):
                raise NotShownError(
                    CERTIFICATE, lemma.line, "no field lemma: some value satisfies none of its literals"
                )
        elif not follows(lemma.literals, lemma.antecedents, known):
            raise NotShownError(CERTIFICATE, lemma.line, "the lemma does not follow from what it names")
        known.append(lemma.literals)
    return () in known


def follows(literals: Clause, antecedents: Sequence[int], known: Sequence[Clause]) -> bool:
    """Whether unit propagation along the antecedents leads from the negated literals to a contradiction, at the last."""
    false = set(literals)
    if any(-literal in false for literal in literals):
        return False
    for place, number in enumerate(antecedents, 1):
        if not 1 <= number <= len(known):
            return False
        unit = 0
        for literal in known[number - 1]:
            if literal in false:
                continue
            if unit and literal != unit:
                return False
            unit = literal
        if unit == 0:
            return place == len(antecedents)
        if -unit in false:
            return False
        false.add(-unit)
    return False
