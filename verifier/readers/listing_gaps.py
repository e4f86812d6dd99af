"""What a listing does not show: tables and built-in chains that nobody listed, and jumps that must be somewhere.

Spec: specs/chains/listing.md
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from verifier.model.effect import Call, Goto, Unknown, Verdict
from verifier.model.origin import Origin
from verifier.model.path import HOOKS
from verifier.model.predicate import TRUE
from verifier.model.ruleset import Chain, Rule
from verifier.readers.iptables_save import BUILT_IN

NEVER_MISSED = "security"
"""A table that hardly any node has and that plug-ins do not use: that it is not listed is no gap (LST-6)."""


def with_gaps(chains: Mapping[tuple[str, str], Chain], path: str) -> dict[tuple[str, str], Chain]:
    """The chains, with one rule "not known" in each built-in chain that is not listed or that rules are missing from."""
    whole = dict(chains)
    listed = {table for table, _ in chains}
    hooks = dict.fromkeys(hook for sequence in HOOKS.values() for hook in sequence if hook[0] != NEVER_MISSED)
    for table, name in hooks:
        if (table, name) not in chains and not _absent(table, name, chains):
            one = f"chain {name} of table {table} is not listed"
            why = one if table in listed else _unlisted(table, dict.fromkeys(hook[0] for hook in hooks), listed)
            whole[table, name] = Chain(table, name, Verdict.ACCEPT, (_gap(name, why, Origin(path)),), Origin(path))
    for key, chain in chains.items():
        missing = _missing_jumps(key[0], chains) if chain.policy is not None else ""
        if missing:
            rules = (_gap(chain.name, missing, chain.origin), *chain.rules)
            whole[key] = Chain(*key, chain.policy, rules, chain.origin, chain.packets, chain.references)
    return whole


def _unlisted(table: str, tables: Iterable[str], listed: set[str]) -> str:
    """That a table is not listed, and which others are not: whoever lists one more should know of all."""
    others = [each for each in tables if each not in listed and each != table]
    nor = f", nor {'is' if len(others) == 1 else 'are'} {', '.join(others)}" if others else ""
    return f"table {table} is not listed{nor}"


def _absent(table: str, name: str, chains: Mapping[tuple[str, str], Chain]) -> bool:
    """Whether the whole table is listed and this kernel's has no such chain: nat had no INPUT once."""
    others = [hook for hook in BUILT_IN[table] if hook != name]
    return (table, name) == ("nat", "INPUT") and all((table, hook) in chains for hook in others)


def _missing_jumps(table: str, chains: Mapping[tuple[str, str], Chain]) -> str:
    """Why some rules of a table must be missing: a chain has more references than rules lead to it (LST-7)."""
    if not all((table, hook) in chains for hook in BUILT_IN[table] if (table, hook) != ("nat", "INPUT")):
        return ""
    effects = [rule.effect for (where, _), chain in chains.items() if where == table for rule in chain.rules]
    led = Counter(effect.chain for effect in effects if isinstance(effect, Call | Goto))
    for (where, name), chain in chains.items():
        if where == table and chain.references is not None and chain.references > led[name]:
            return f"rules of table {table} are missing: chain {name} has {chain.references} references, of which the listing shows {led[name]}"
    return ""


def _gap(chain: str, reason: str, origin: Origin) -> Rule:
    return Rule(TRUE, Unknown(reason), origin, f"-A {chain} [{reason}]")
