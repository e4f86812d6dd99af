"""A script and its certificate: every query followed, every proof checked, every satisfying value evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from verifier.evidence.checker.certificate import Claim, read_certificate
from verifier.evidence.checker.clauses import Clauses
from verifier.evidence.checker.meaning import Meaning
from verifier.evidence.checker.nodes import FALSE, TRUE, TooManyNodesError
from verifier.evidence.checker.operators import value_word
from verifier.evidence.checker.proof import refutes
from verifier.evidence.checker.refused import CERTIFICATE, SCRIPT, NotShownError, RefusedError
from verifier.evidence.checker.script import Query, Script, read_script
from verifier.evidence.checker.terms import Value

Packets = Mapping[int, Mapping[str, str]]
"""Per number of a query, from 1: values by name of a constant, as SMT-LIB writes them."""


def check(script_text: str, certificate_text: str, packets: Packets | None = None) -> list[str]:
    """The answers of a script's queries, in their order: sat and unsat are shown, unknown is not.

    Where `packets` has values for a query, it has to hold under these too. Raises RefusedError where the script or the
    certificate cannot be read, a proof does not hold, values do not satisfy their query, or one of them contradicts the
    status that the script states (the last two: NotShownError).
    """
    return check_script(read_script(script_text), certificate_text, packets)


def check_script(script: Script, certificate_text: str, packets: Packets | None = None) -> list[str]:
    """The same for a script that has been read."""
    claims = read_certificate(certificate_text)
    if len(claims) != len(script.queries):
        problem = f"{len(claims)} queries are answered, the script asks {len(script.queries)}"
        raise RefusedError(CERTIFICATE, 0, problem)
    checking = _Checking(script)
    try:
        for number, (query, claim) in enumerate(zip(script.queries, claims, strict=True), 1):
            checking.claim(query, claim)
            if packets is not None and number in packets:
                checking.evaluate(query, packets[number], packet_of(number), 0)
    except RecursionError as error:
        raise RefusedError(
            SCRIPT, query.line, "the definitions of this query are nested too deeply to be followed"
        ) from error
    except TooManyNodesError as error:
        raise RefusedError(SCRIPT, query.line, "this query is too large to be followed") from error
    if packets and not set(packets) <= set(range(1, len(claims) + 1)):
        raise RefusedError(SCRIPT, 0, f"values are given for a query beyond the last, number {len(claims)}")
    return [claim.answer for claim in claims]


def packet_of(number: int) -> str:
    """How errors name the values that were given for a query."""
    return f"packet of query {number}"


class _Checking:
    """Follows a script's queries in their order.

    Every query is followed for its proof, whatever is claimed of it, and values are followed apart: the order in which a
    query's clauses stand depends on what has been met before.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self._numbers = {name: number for number, name in enumerate(script.constants)}
        widths = list(script.constants.values())
        self._proofs = Meaning(widths)
        self._values = Meaning(widths)
        self._refuted = {FALSE}

    def claim(self, query: Query, claim: Claim) -> None:
        """Check what a certificate says of a query; RefusedError where that is not shown."""
        roots = [root for _, root in self._proofs.cases(query.assertions)]
        if query.status and query.status != claim.answer:
            problem = f"{claim.answer} is claimed where the script says {query.status} (line {query.line})"
            raise NotShownError(CERTIFICATE, claim.line, problem)
        if claim.answer == "unsat":
            self._refute(roots, claim)
        elif claim.answer == "sat":
            self.evaluate(query, claim.values, CERTIFICATE, claim.line)

    def _refute(self, roots: Sequence[int], claim: Claim) -> None:
        """Every case has a proof of its own, or is a literal of which there was one before."""
        for case, root in enumerate(roots, 1):
            if root in self._refuted:
                continue
            clauses = Clauses(self._proofs.nodes, root)
            if case not in claim.cases or not refutes(clauses, claim.cases[case]):
                problem = f"the proof of case {case} of {len(roots)} does not end in the empty clause"
                raise NotShownError(CERTIFICATE, claim.line, problem)
            self._refuted.add(root)
        if any(case > len(roots) for case in claim.cases):
            raise RefusedError(CERTIFICATE, claim.line, f"the query has no more than {len(roots)} cases")

    def evaluate(self, query: Query, values: Mapping[str, str], source: str, line: int) -> None:
        """Evaluate a query; RefusedError where the values do not satisfy it, whatever the constants without one are."""
        known: dict[int, Value] = {}
        for name, word in values.items():
            term = value_word(word, line)
            if name not in self._numbers or term is None or term.width != self._script.constants[name]:
                raise RefusedError(source, line, f"{name} {word}: the script declares no such constant of this width")
            known[self._numbers[name]] = _value(term.payload)
        if self._values.under(known, query.assertions) != TRUE:
            raise NotShownError(source, line, f"the values do not satisfy the query at line {query.line} of the script")


def _value(payload: object) -> Value:
    assert isinstance(payload, int | tuple)
    return payload
