"""Certificates for scripts: the answer of every query, with what lets the independent checker see that it is right."""

from __future__ import annotations

from collections.abc import Mapping

from verifier.evidence.checker.certificate import Lemma, write_certificate
from verifier.evidence.checker.clauses import Clauses
from verifier.evidence.checker.meaning import Meaning
from verifier.evidence.checker.nodes import FALSE, TRUE, Nodes
from verifier.evidence.checker.script import Query, Script, read_script
from verifier.evidence.checker.terms import BOOL, Value
from verifier.evidence.proof_search import Comparisons, ProofSearch

Claimed = tuple[str, list[Lemma], Mapping[str, str]]


def certify(script_text: str) -> str:
    """The certificate of a script: lemmas for every unsat query, values for every sat one.

    The answers are found anew and owe nothing to what the script says of them. Raises the checker's RefusedError where the
    script is not of the subset.
    """
    script = read_script(script_text)
    meaning = Meaning(list(script.constants.values()))
    comparisons = Comparisons()
    return write_certificate([_claim(script, meaning, comparisons, query) for query in script.queries])


def _claim(script: Script, meaning: Meaning, comparisons: Comparisons, query: Query) -> Claimed:
    given = meaning.given(query.assertions)
    root = meaning.query(query.assertions)
    if root == FALSE:
        return "unsat", [], {}
    outcome = ProofSearch(Clauses(meaning.nodes, root), comparisons).run()
    if outcome.lemmas is not None:
        return "unsat", outcome.lemmas, {}
    return "sat", [], _values(script, meaning.nodes, given, outcome.holding)


def _values(script: Script, nodes: Nodes, given: Mapping[int, Value], holding: list[int]) -> dict[str, str]:
    """A value for every constant: what the assertions give, else what satisfies the diagrams, else zero."""
    together: dict[int, int] = {}
    memo: dict[tuple[int, int], int] = {}
    for literal in holding:
        owner = nodes.owner[literal >> 1]
        together[owner] = nodes.both(together.get(owner, TRUE), literal, memo)
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
