"""What one address family of a node has loaded: tables of chains of rules.

Spec: specs/chains/traversal.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from verifier.model.effect import Effect, Translate, Verdict
from verifier.model.origin import Origin
from verifier.model.predicate import Predicate


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One rule: what it matches, what it does, and where it stands.

    `text` is the rule's line without counters; `comments` the texts of its `-m comment` in order. Rules with the same
    wording share one `match` object, so identity of `match` is a cheap key. `asked` is what the rule asks of packets
    where its target does nothing to some that it matches (CM-3); None where it is `match`.
    """

    match: Predicate
    effect: Effect
    origin: Origin
    text: str
    comments: tuple[str, ...] = ()
    packets: int | None = None
    asked: Predicate | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """A chain of one table; `policy` is None for user chains.

    `packets` counts what met the policy; `references` how many rules lead to a user chain, None where nothing says so.
    """

    table: str
    name: str
    policy: Verdict | None
    rules: tuple[Rule, ...]
    origin: Origin
    packets: int | None = None
    references: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Ruleset:
    """All tables that a dump holds. `chains` is keyed by (table, chain); `generated` is the dump's own date, as printed."""

    family: int
    chains: Mapping[tuple[str, str], Chain] = field(default_factory=dict)
    path: str = ""
    generated: str = ""

    @property
    def translates(self) -> bool:
        """Whether some rule names a new destination for packets."""
        effects = (rule.effect for chain in self.chains.values() for rule in chain.rules)
        return any(isinstance(effect, Translate) and effect.targets for effect in effects)


def chain_of(rule: Rule) -> str:
    """The chain that the rule's text appends to, "" where the text does not begin so."""
    words = rule.text.split(maxsplit=2)
    return words[1] if len(words) > 1 and words[0] == "-A" else ""
