"""The rule that would have let a packet through, had one of its tests gone the other way."""

from __future__ import annotations

import re
from dataclasses import dataclass

from verifier.evidence.case import Case
from verifier.evidence.phrases import failing
from verifier.model.effect import Assign, Call, Finish, Goto, Verdict
from verifier.model.node import NodeState
from verifier.model.packet import Packet
from verifier.model.path import HOOKS
from verifier.model.predicate import Predicate
from verifier.model.profile import Profile
from verifier.model.ruleset import Rule
from verifier.model.trace import Step
from verifier.reference.chains import at_hook
from verifier.reference.view import View

MOST_FAILING = 2
"""A rule of which more tests fail was meant for other packets."""


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A rule that did not match, which of its tests failed, and the packet as these saw it."""

    rule: Rule
    failed: tuple[Predicate, ...]
    packet: Packet


def near_miss(case: Case, node: NodeState, profile: Profile, view: View) -> NearMiss | None:
    """Among the rules that speak of the policies that allow the packet, the one with the fewest failing tests.

    Whom a rule speaks of is read from comments and chain names: they explain here and decide nothing.
    """
    names = [policy.name for policy, rule in case.policies if rule is not None]
    if not names:
        return None
    speaking = re.compile("|".join(rf"(?<![\w./-]){re.escape(name)}(?![\w/-]|\.\w)" for name in names))
    hook = next(chain for table, chain in HOOKS[case.difference.path] if table == "filter")
    best: NearMiss | None = None
    for _, step in case.passage.spared:
        if step.rule is None or step.table != "filter" or not _lets_through(step.rule):
            continue
        if not speaking.search(_words(step, node, profile, case.packet.family)):
            continue
        seen = at_hook(case.packet, hook, step.mark_before, case.packet.connmark)
        failed = failing(step.rule.match, seen, view)
        if len(failed) <= MOST_FAILING and (best is None or len(failed) < len(best.failed)):
            best = NearMiss(step.rule, failed, seen)
    return best


def _lets_through(rule: Rule) -> bool:
    match rule.effect:
        case Finish(verdict):
            return verdict is Verdict.ACCEPT
        case Assign(_, value, mask):
            return bool(value & mask)
        case Call() | Goto():
            return True
        case _:
            return False


def _words(step: Step, node: NodeState, profile: Profile, family: int) -> str:
    """Everything that names the rule, its chain, or the chain that it calls."""
    assert step.rule is not None
    chain = node.rulesets[family].chains[step.table, step.chain]
    first = chain.rules[0].comments if chain.rules else ()
    called = step.rule.effect.chain if isinstance(step.rule.effect, Call | Goto) else ""
    explained = [profile.explain_chain(node, name) for name in (step.chain, called) if name]
    return "\n".join((*step.rule.comments, *first, step.chain, called, *explained))
