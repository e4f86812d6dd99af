"""Certificates for scripts: the answer of every query, with what lets the independent checker see that it is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from verifier.evidence.checker.certificate import Lemma, write_certificate
from verifier.evidence.checker.clauses import Clauses
from verifier.evidence.checker.meaning import Meaning
from verifier.evidence.checker.nodes import FALSE, TRUE, Nodes
from verifier.evidence.checker.script import Query, Script, read_script
from verifier.evidence.checker.terms import BOOL, Value
from verifier.evidence.proof_search import Comparisons, ProofSearch

Claimed = tuple[str, Mapping[int, Sequence[Lemma]], Mapping[str, str]]


def certify(script_text: str) -> str:
    """The certificate of a script: lemmas for every unsat query, values for every sat one.

    The answers are found anew and owe nothing to what the script says of them. Raises the checker's RefusedError where the
    script is not of the subset.
    """
    script = read_script(script_text)
    certifying = _Certifying(script)
    return write_certificate(certifying.claim(query) for query in script.queries)


class _Certifying:
    """Answers a script's queries in their order; a case that is the same literal as one before is proved once."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._meaning = Meaning(list(script.constants.values()))
        self._comparisons = Comparisons()
        self._refuted = {FALSE}

    def claim(self, query: Query) -> Claimed:
        """The answer of a query, with what shows it."""
        found: dict[int, Sequence[Lemma]] = {}
        proved: set[int] = set()
        for case, (values, root) in enumerate(self._meaning.cases(query.assertions), 1):
            if root in self._refuted or root in proved:
                continue
            outcome = ProofSearch(Clauses(self._meaning.nodes, root), self._comparisons).run()
            if outcome.lemmas is None:
                return "sat", {}, _values(self._script, self._meaning.nodes, values, outcome.holding)
            found[case] = outcome.lemmas
            proved.add(root)
        # The certificate of a query that is sat has no proof for any of its cases.
        self._refuted |= proved
        return "unsat", found, {}


def _values(script: Script, nodes: Nodes, given: Mapping[int, Value], holding: list[int]) -> dict[str, str]:
    """A value for every constant: what the assertions give, else what satisfies the diagrams, else zero."""
    together: dict[int, int] = {}
    for literal in holding:
        owner = nodes.owner[literal >> 1]
        together[owner] = nodes.both(together.get(owner, TRUE), literal)
    values: dict[str, str] = {}
    first = 0
    for number, (name, width) in enumerate(script.constants.items()):
        bits = max(width, 1)
        chosen = (
            _given_bits(given[number]) if number in given else _point(nodes, together.get(number, TRUE), first, bits)
        )
        values[name] = ("true" if chosen == "1" else "false") if width == BOOL else _word(chosen)
        first += bits
    return values


def _given_bits(value: Value) -> str:
    literals = value if isinstance(value, tuple) else (value,)
    return "".join("1" if literal == TRUE else "0" for literal in literals)


def _point(nodes: Nodes, literal: int, first: int, width: int) -> str:
    """The bits of a value that satisfies a diagram, zeros where they do not matter."""
    chosen = ["0"] * width
    while literal != TRUE:
        node, sign = literal >> 1, literal & 1
        low = nodes.low[node] ^ sign
        if low == FALSE:
            chosen[nodes.bit[node] - first] = "1"
            literal = nodes.high[node] ^ sign
        else:
            literal = low
    return "".join(chosen)


def _word(bits: str) -> str:
    return f"#x{int(bits, 2):0{len(bits) // 4}x}" if len(bits) % 4 == 0 else f"#b{bits}"
