"""What a dump says that it does not show: tables of the other back end, tables that iptables cannot print.

Spec: specs/chains/dump.md
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from verifier.model.effect import Finish, Verdict
from verifier.model.origin import Origin
from verifier.model.path import HOOKS
from verifier.model.predicate import Opaque
from verifier.model.ruleset import Chain, Rule

NOT_SHOWN = re.compile(r"# (?:Warning: \S+ tables present\b|Table `\S+' is incompatible\b).*")
LAST = (("mangle", "POSTROUTING"), ("mangle", "INPUT"))
"""Chains that every packet visits on one of the paths, whatever its state."""

assert all(any(chain in hooks for chain in LAST) for hooks in HOOKS.values())


def unseen(
    chains: dict[tuple[str, str], Chain], remarks: list[tuple[int, str]], path: str
) -> Mapping[tuple[str, str], Chain]:
    """The chains, with a rule for each such remark that may or may not drop whatever comes by (DU-8)."""
    rules = tuple(
        Rule(
            Opaque(f"rules that this dump does not show: {line[2:]}"), Finish(Verdict.DROP), Origin(path, number), line
        )
        for number, line in remarks
        if NOT_SHOWN.match(line)
    )
    if not rules:
        return chains
    extended = dict(chains)
    for key in LAST:
        chain = chains.get(key) or Chain(*key, Verdict.ACCEPT, (), rules[0].origin)
        extended[key] = Chain(chain.table, chain.name, chain.policy, rules + chain.rules, chain.origin)
    return extended
