"""The root cause of a finding in one sentence: which sets, whose rules, which policy, or the chains themselves.

What has to be repaired was decided by proofs (verifier.questions.cause); here it is named.

Spec: specs/questions/cause.md
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from verifier.evidence.names import Names
from verifier.evidence.regions import join, size
from verifier.evidence.set_faults import SetFaults
from verifier.model.effect import Assign, Call, Copy, Finish, Goto, Verdict
from verifier.model.finding import CausePart, Finding, Reason, RootCause
from verifier.model.node import NodeState
from verifier.model.path import BUILT_IN_CHAINS, HOOKS
from verifier.model.predicate import sets_of
from verifier.model.profile import IdealSet, Profile, Sign
from verifier.model.ruleset import Chain, Rule
from verifier.reference.view import View

LISTED = 3
UNEXPLAINED = "no selector of a present policy has this name, so what it should hold is not known"
ORDER = (Reason.FOREIGN, Reason.SETS, Reason.POLICY, Reason.CHAINS, Reason.OPEN)


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the compiler's profile says of a node, beside the node itself.

    `wrong` are the loaded sets that do not hold what they stand for, `strange` those whose names nothing explains;
    `foreign` the rules that are somebody else's, `missing` the jumps that are not there, as (family, table, built-in
    chain, chain to enter); `signs` what shows that policies changed. It is not `separable` where nobody knows which
    rules are the compiler's, and not `explained` where nobody knows what sets stand for.
    """

    profile: Profile
    wrong: Mapping[str, IdealSet]
    strange: tuple[str, ...]
    foreign: frozenset[Rule]
    missing: tuple[tuple[int, str, str, str], ...]
    signs: tuple[Sign, ...]
    separable: bool = True
    explained: bool = True


class RootCauses:
    """Names the root causes of one node's findings."""

    def __init__(self, node: NodeState, view: View, names: Names, known: Knowledge) -> None:
        self._node = node
        self._names = names
        self._known = known
        self._faults = SetFaults(node, view, known.wrong)

    def told(self, finding: Finding, parts: Iterable[CausePart]) -> RootCause:
        """The finding's root cause, the parts of its region in the order in which a reader needs them."""
        alike: dict[tuple[object, ...], CausePart] = {}
        for part in parts:
            each = self._part(finding, part)
            known = alike.get((each.reasons, each.either, each.sentence))
            region = (*known.region, *each.region) if known else each.region
            alike[each.reasons, each.either, each.sentence] = replace(each, region=join(region))
        named = list(alike.values())
        named.sort(key=lambda part: (ORDER.index(part.reasons[0]), -size(part.region)))
        if len(named) == 1:
            return RootCause(named[0].sentence, tuple(named))
        sentence = "; for other packets of the region ".join(part.sentence for part in named)
        return RootCause(f"for some packets of the region {sentence}", tuple(named))

    def _part(self, finding: Finding, part: CausePart) -> CausePart:
        if part.reasons == (Reason.CHAINS,):
            return self._chains(finding, part)
        if part.reasons == (Reason.OPEN,):
            return self._open(finding, part)
        told: dict[Reason, str] = {}
        if Reason.SETS in part.reasons:
            part = replace(part, sets=self._faults.of(finding, part.region))
            told[Reason.SETS] = f"set content: {self._faults.sentence(part.sets)}"
        if Reason.FOREIGN in part.reasons:
            part = replace(part, rules=self._culprits(finding))
            told[Reason.FOREIGN] = f"missing or foreign rules: {self._foreign(finding, part.rules)}"
        joint = ", where either repair is enough: " if part.either else ", where both have to be repaired: "
        if len(told) == 1:
            return replace(part, sentence=next(iter(told.values())))
        both = " and ".join(text.partition(": ")[0] for text in told.values())
        return replace(part, sentence=f"{both}{joint}{'; '.join(text.partition(': ')[2] for text in told.values())}")

    # ------------------------------------------------------------------ chains, or the policy

    def _chains(self, finding: Finding, part: CausePart) -> CausePart:
        changed = self._changed(finding, part)
        if changed is not None:
            return changed
        others = ", and without the rules of others" if self._known.foreign or self._known.missing else ""
        sentence = f"chain logic: wrong even if every set held what its selector selects now{others}"
        if not self._known.explained:
            sentence = "chain logic, with the sets as they are: no compiler is known that would say what they stand for"
        elif not self._known.separable:
            sentence += ", unless a rule decides that is not the compiler's, which nobody can tell here"
        unread = sum(sign.unread for sign in self._known.signs)
        if unread:
            sentence += f", unless policies that were not read decide (the dump has {unread} chains of such)"
        possible = tuple(dict.fromkeys(sign.sentence for sign in self._signs(finding)))
        if possible:
            sentence += f"; or the policy changed after compilation, as {_listed(possible)}"
        return replace(part, sentence=sentence, because=possible)

    def _changed(self, finding: Finding, part: CausePart) -> CausePart | None:
        """The part as the work of another policy, where something certain says so."""
        signs = [sign for sign in self._signs(finding) if sign.certain]
        if not signs:
            return None
        sentences = tuple(dict.fromkeys(sign.sentence for sign in signs))
        unread = all(sign.unread for sign in signs)
        title = "policies that were not read" if unread else "the policy changed after compilation"
        return replace(part, reasons=(Reason.POLICY,), because=sentences, sentence=f"{title}: {_listed(sentences)}")

    def _signs(self, finding: Finding) -> list[Sign]:
        """The signs that speak of the finding's policies, or that a rule bears which its packet met."""
        policies = {policy.name for policy, _ in finding.policies}
        deciding = set(finding.rules)
        met = deciding | {step.rule for step in finding.witness.chains.steps if step.rule is not None}
        return [
            sign
            for sign in self._known.signs
            if sign.policy in policies or not (deciding if sign.unread else met).isdisjoint(sign.rules)
        ]

    def _open(self, finding: Finding, part: CausePart) -> CausePart:
        changed = self._changed(finding, part)
        if changed is not None:
            return changed
        asked = dict.fromkeys(name for rule in finding.rules for name in sets_of(rule.match))
        strange = tuple(f"set {name}: {UNEXPLAINED}" for name in asked if name in self._known.strange)
        known = tuple(self._names.shortened(text) for text in part.because)
        because = strange or known or ("nothing more is known",)
        return replace(part, because=because, sentence=f"not decided: {_listed(because)}")

    # ------------------------------------------------------------------ foreign rules

    def _culprits(self, finding: Finding) -> tuple[Rule, ...]:
        """The rules of others that decide, or that the witness met last before it was decided."""
        deciding = tuple(rule for rule in finding.rules if rule in self._known.foreign)
        if deciding:
            return deciding
        met = [step.rule for step in finding.witness.chains.steps if step.rule in self._known.foreign]
        return tuple(rule for rule in met[-1:] if rule is not None)

    def _foreign(self, finding: Finding, rules: tuple[Rule, ...]) -> str:
        whose = self._known.profile.name
        told = [self._about(finding, rule) for rule in rules[:LISTED]]
        if len(rules) > LISTED:
            told.append(f"{len(rules) - LISTED} more rules do")
        hooks = {(finding.family, *hook) for hook in HOOKS[finding.path]}
        for family, table, chain, target in self._known.missing:
            if (family, table, chain) in hooks:
                told.insert(0, f"nothing in {table}/{chain} enters {target}: the jump into {whose}'s chains is missing")
        if not told:
            told.append(self._policy_of_chain(finding))
        return " and ".join(told)

    def _about(self, finding: Finding, rule: Rule) -> str:
        """What a foreign rule does, and how it stands to the jump into the compiler's chains."""
        whose = self._known.profile.name
        chain = self._chain_of(finding.family, rule)
        told = f"{self._names.place(rule.origin)}{_home(chain)}, which is not {whose}'s, {_does(rule)}"
        if isinstance(rule.effect, Assign | Copy):
            return told
        chain, rule = self._entrance(finding, chain, rule)
        if chain is None:
            return told
        at = next(number for number, each in enumerate(chain.rules) if each is rule)
        later = next((each for each in chain.rules[at:] if self._is_jump(chain.table, each)), None)
        if later is None:
            return told
        return f"{told} before the jump into {whose}'s chains ({self._names.place(later.origin)})"

    def _entrance(self, finding: Finding, chain: Chain | None, rule: Rule) -> tuple[Chain | None, Rule]:
        """The rule of a built-in chain by which the witness came to a foreign rule, with its chain."""
        if chain is None or chain.name in BUILT_IN_CHAINS:
            return chain, rule
        if self._known.profile.own_chain(chain.table, chain.name):
            return None, rule
        steps = finding.witness.chains.steps
        place = next((at for at, step in enumerate(steps) if step.rule is rule), 0)
        for step in reversed(steps[:place]):
            if step.rule is not None and step.chain in BUILT_IN_CHAINS and step.table == chain.table:
                return self._chain_of(finding.family, step.rule), step.rule
        return None, rule

    def _is_jump(self, table: str, rule: Rule) -> bool:
        """Whether the rule enters a chain of the compiler's own."""
        return isinstance(rule.effect, Call | Goto) and self._known.profile.own_chain(table, rule.effect.chain)

    def _chain_of(self, family: int, rule: Rule) -> Chain | None:
        chains = self._node.rulesets[family].chains.values()
        return next((chain for chain in chains if any(each is rule for each in chain.rules)), None)

    def _policy_of_chain(self, finding: Finding) -> str:
        """No rule of others decides: it is the policy of a built-in chain."""
        last = next((step for step in reversed(finding.witness.chains.steps) if step.rule is None), None)
        if last is None:
            return "the rules of others decide"
        chain = self._node.rulesets[finding.family].chains[last.table, last.chain]
        verb = "drops" if chain.policy is Verdict.DROP else "accepts"
        place = self._names.place(chain.origin)
        return f"the policy of {last.table}/{last.chain} ({place}) {verb} what {self._known.profile.name} lets go on"


def _home(chain: Chain | None) -> str:
    return f" in {chain.table}/{chain.name}" if chain else ""


def _does(rule: Rule) -> str:
    if isinstance(rule.effect, Finish):
        if rule.effect.verdict is Verdict.ACCEPT:
            return "accepts the packet"
        return "rejects the packet" if rule.effect.reply else "drops the packet"
    if isinstance(rule.effect, Call | Goto):
        return f"sends the packet to {rule.effect.chain}"
    if isinstance(rule.effect, Assign | Copy):
        return "marks the packet"
    return "decides"


def _listed(sentences: tuple[str, ...]) -> str:
    more = f"; and {len(sentences) - LISTED} more signs" if len(sentences) > LISTED else ""
    return "; ".join(sentences[:LISTED]) + more


NO_ENGINE = "missing or foreign rules: no policy engine's chains are here, so that nobody applies the policies"


def without_engine(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings of a node on which nobody applies policies: nothing has to be proved to say why (WHY-3)."""
    found = []
    for finding in findings:
        part = CausePart((Reason.FOREIGN,), finding.region, rules=finding.rules, sentence=NO_ENGINE)
        found.append(replace(finding, root=RootCause(NO_ENGINE, (part,))))
    return tuple(found)


Parts = Callable[[Finding], tuple[CausePart, ...]]


def with_root_causes(findings: Iterable[Finding], causes: RootCauses, parts: Parts) -> tuple[Finding, ...]:
    """The findings, each with its root cause; `parts` says what has to be repaired."""
    return tuple(replace(finding, root=causes.told(finding, parts(finding))) for finding in findings)
