"""The mark bits of a Calico dump, told by what its rules do with them, because the mask is configurable.

Spec: specs/compilers/calico.md
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from verifier.compilers.hooks import chains_under, conjuncts, rules_of
from verifier.model.effect import Assign, Finish, Verdict
from verifier.model.fields import Field
from verifier.model.node import NodeState
from verifier.model.predicate import Masked
from verifier.model.profile import MarkBit
from verifier.model.ruleset import Rule

ACCEPTED = (
    "Return if policy accepted",
    "Return if profile accepted",
    "Policy explicitly accepted packet.",
    "Host endpoint policy accepted packet.",
)
"""Comments of the rules that test the accept bit alone."""


def mark_bits(node: NodeState) -> tuple[MarkBit, ...]:
    """Accept, pass, drop and the two scratch bits, as far as the dump shows them (CAL-4)."""
    accept = _commonest(
        tested
        for chain in chains_under(node, "cali-", "FORWARD")
        for rule in chain.rules
        if any(comment in ACCEPTED for comment in rule.comments)
        for tested in [_tested(rule)]
    )
    if not accept:
        return ()
    others = _bits(_cleared_on_forwarding(node) & ~accept)
    passed = _commonest(_starts_of_tiers(node)) or next(iter(others), 0)
    scratch = [bit for bit in others if bit != passed]
    drop = _commonest(_drops(node))
    found = (
        (accept, "accept"),
        (passed, "pass"),
        (drop, "drop"),
        *((bit, f"scratch{number}") for number, bit in enumerate(scratch[:2])),
    )
    return tuple(MarkBit(mask, meaning) for mask, meaning in found if mask)


def _tested(rule: Rule) -> int:
    """The bits that the rule demands to be set, 0 for none."""
    for part in conjuncts(rule.match):
        if isinstance(part, Masked) and part.field is Field.MARK and part.value == part.mask:
            return part.mask
    return 0


def _assigned(rule: Rule, value: int | None) -> int:
    """The bits that the rule clears (value 0) or sets (value None), 0 for none."""
    effect = rule.effect
    if not isinstance(effect, Assign) or effect.field is not Field.MARK:
        return 0
    return effect.mask if effect.value == (effect.mask if value is None else value) else 0


def _cleared_on_forwarding(node: NodeState) -> int:
    return next((bits for rule in rules_of(node, "cali-FORWARD") for bits in [_assigned(rule, 0)] if bits), 0)


def _starts_of_tiers(node: NodeState) -> Iterator[int]:
    for chain in chains_under(node, "cali-tw-", "cali-fw-"):
        for rule in chain.rules:
            if any(comment.startswith(("Start of policies", "Start of tier ")) for comment in rule.comments):
                yield _assigned(rule, 0)


def _drops(node: NodeState) -> Iterator[int]:
    """Bits that a policy rule sets just before a rule that drops what carries them."""
    for chain in chains_under(node, "cali-pi-", "cali-po-"):
        for rule, following in zip(chain.rules, chain.rules[1:], strict=False):
            dropped = isinstance(following.effect, Finish) and following.effect.verdict is Verdict.DROP
            if dropped and _assigned(rule, None) == _tested(following):
                yield _tested(following)


def _commonest(masks: Iterator[int]) -> int:
    counted = Counter(mask for mask in masks if mask)
    return counted.most_common(1)[0][0] if counted else 0


def _bits(mask: int) -> list[int]:
    """The single bits of a mask, lowest first: the order in which Felix hands them out."""
    return [1 << position for position in range(32) if mask >> position & 1]
