"""Where a node's built-in chains lead, and which rules enter a chain."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from verifier.model.effect import Call, Effect, Goto
from verifier.model.node import NodeState
from verifier.model.origin import Origin
from verifier.model.predicate import TRUE, All, Predicate
from verifier.model.ruleset import Chain, Rule


def entered(effect: Effect) -> str:
    """The chain that a rule with this effect enters, "" where it enters none."""
    return effect.chain if isinstance(effect, Call | Goto) else ""


def jump(chain: str, target: str) -> Rule:
    """The unconditional rule by which a compiler enters a chain of its own from a built-in chain; nobody wrote it."""
    return Rule(TRUE, Call(target), Origin(""), f"-A {chain} -j {target}")


def hooked(node: NodeState, own: Callable[[str], bool]) -> bool:
    """Whether a built-in chain of the filter table enters a chain whose name is the compiler's own."""
    return any(
        own(entered(rule.effect))
        for ruleset in node.rulesets.values()
        for chain in ruleset.chains.values()
        if chain.table == "filter" and chain.policy is not None
        for rule in chain.rules
    )


def built_in_rules(node: NodeState) -> Iterator[tuple[str, Rule]]:
    """The rules of all built-in chains, in every family, each with its table."""
    for ruleset in node.rulesets.values():
        for chain in ruleset.chains.values():
            for rule in chain.rules if chain.policy is not None else ():
                yield chain.table, rule


def enters(node: NodeState, own: Callable[[str, str], bool]) -> str:
    """The first chain of the compiler's own that a built-in chain of any table enters, "" where there is none."""
    chains = ((table, entered(rule.effect)) for table, rule in built_in_rules(node))
    return next((chain for table, chain in chains if chain and own(table, chain)), "")


def rules_of(node: NodeState, *names: str, table: str = "filter") -> Iterator[Rule]:
    """The rules of the chains of these names, in every family."""
    for ruleset in node.rulesets.values():
        for name in names:
            chain = ruleset.chains.get((table, name))
            if chain is not None:
                yield from chain.rules


def chains_under(node: NodeState, *prefixes: str) -> Iterator[Chain]:
    """The chains of the filter table, in every family, whose name begins with one of the prefixes."""
    for ruleset in node.rulesets.values():
        for chain in ruleset.chains.values():
            if chain.table == "filter" and chain.name.startswith(prefixes):
                yield chain


def conjuncts(match: Predicate) -> tuple[Predicate, ...]:
    """The parts that must all hold for the match to hold, nested conjunctions opened."""
    if not isinstance(match, All):
        return (match,)
    return tuple(inner for part in match.parts for inner in conjuncts(part))
