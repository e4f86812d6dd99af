"""One sentence on why a packet goes wrong: the entry, the rule and the policy that disagree."""

from __future__ import annotations

from dataclasses import dataclass

from verifier.evidence.case import Case
from verifier.evidence.names import Names
from verifier.evidence.near_miss import NearMiss
from verifier.evidence.nearest_rule import NearestRule
from verifier.evidence.phrases import memberships, why_not
from verifier.model.effect import Assign, Finish
from verifier.model.finding import Kind
from verifier.model.policy import Direction, Policy, PolicyRule
from verifier.model.ruleset import Rule
from verifier.model.trace import Step
from verifier.reference.undefined import NODE_PATHS
from verifier.reference.view import View

LISTED = 3


@dataclass(frozen=True, slots=True)
class Story:
    """A case with what comes closest on the other side: a chain rule, or a policy rule for each denying direction.

    `also` are the rules that decide about other packets of the finding.
    """

    case: Case
    missed: NearMiss | None
    nearest: tuple[tuple[Direction, NearestRule], ...]
    names: Names
    view: View
    also: tuple[Rule, ...] = ()

    def sentence(self) -> str:
        """The cause, without a full stop at its end."""
        if self.case.difference.kind is Kind.LEAK:
            told = f"{self._passed()}, but {self._denied()}"
        else:
            told = f"{self._allowed()}, but {self._stopped()}"
        return told + self._missing() + self._others()

    def _passed(self) -> str:
        """What the chains do to let the packet through."""
        last = self.case.decision.verdict
        told = self._marking()
        if last.rule is None:
            told.append(f"no rule of {last.table}/{last.chain} decides and its policy accepts the packet")
        elif not told:
            told.append(f"{self.names.place(last.rule.origin)} accepts the packet{self._by_sets(last.rule)}")
        return " and ".join(told)

    def _marking(self) -> list[str]:
        """The rules that set the deciding marks; one that did so in two chains' calls is told once."""
        once = {step.rule: step for step in self.case.decision.marking}
        return [self._marks(step) for step in list(once.values())[-LISTED:]]

    def _marks(self, step: Step) -> str:
        rule = step.rule
        assert rule is not None
        bits = step.mark_after & ~step.mark_before
        if not bits and isinstance(rule.effect, Assign):
            bits = rule.effect.value & step.mark_after
        place = self.names.place(rule.origin)
        if not bits:
            return f"{place} clears mark {step.mark_before & ~step.mark_after:#x} again"
        spoken = self.names.direction(step, self.case.passage.trace, self.case.packet.family)
        foreign = spoken is not None and self.case.denying and spoken not in self.case.denying
        kind = f", a rule for {spoken.value}," if spoken is not None and foreign else ""
        return f"{place}{kind} sets mark {bits:#x}{self._by_sets(rule)}"

    def _by_sets(self, rule: Rule) -> str:
        reasons = memberships(rule.match, self.case.packet, self.view)
        return f" (as {' and '.join(reasons)})" if reasons else ""

    def _denied(self) -> str:
        """Which policies deny the packet, and what they allow instead where that tells more."""
        if not self.case.denying:
            return f"it must be denied ({self.case.expected.because})"
        return " and ".join(self._denied_in(direction) for direction in self.case.denying)

    def _denied_in(self, direction: Direction) -> str:
        trace = self.case.judged(direction)
        assert trace is not None
        packet = self.case.packet
        end = packet.destination if direction is Direction.INGRESS else packet.source
        pod = self.view.pods[packet.family, end].full_name
        if trace.policy is not None and trace.deciding is not None:
            return f"{self._rule_name(trace.policy, trace.deciding)} denies it"
        nearest = dict(self.nearest).get(direction)
        if nearest is not None:
            return f"{self._rule_name(nearest.policy, nearest.rule)} {nearest.instead}"
        return f"{self._isolating(trace.selecting)} {pod} for {direction.value} and no rule allows it"

    def _isolating(self, policies: tuple[Policy, ...]) -> str:
        if len(policies) == 1:
            return f"policy {policies[0].name} ({self.names.place(policies[0].origin)}) isolates"
        shown = ", ".join(policy.name for policy in policies[:LISTED])
        more = f" and {len(policies) - LISTED} more" if len(policies) > LISTED else ""
        return f"policies {shown}{more} isolate"

    def _rule_name(self, policy: Policy, rule: PolicyRule) -> str:
        return f"{rule.text} of policy {policy.name} ({self.names.place(rule.origin)})"

    def _allowed(self) -> str:
        """Why the packet must be let through."""
        rules = [(policy, rule) for policy, rule in self.case.policies if rule is not None]
        if rules and self.case.difference.path not in NODE_PATHS:
            allow = "allows" if len(rules) == 1 else "allow"
            return f"{' and '.join(self._rule_name(policy, rule) for policy, rule in rules)} {allow} the packet"
        return f"the packet must be accepted ({self.case.expected.because})"

    def _stopped(self) -> str:
        """What the chains do to stop the packet, and which rule would have let it through."""
        last = self.case.decision.verdict
        told = self._marking()
        if last.rule is None:
            told.append(f"no rule of {last.table}/{last.chain} decides and its policy drops it")
        else:
            rejecting = isinstance(last.rule.effect, Finish) and last.rule.effect.reply
            drops = "rejects" if rejecting else "drops"
            told.append(f"{self.names.place(last.rule.origin)} {drops} it{self._by_sets(last.rule)}")
        sentence = " and ".join(told)
        if self.case.difference.path in NODE_PATHS and self.case.denying:
            sentence += f", heeding that {' and '.join(self._denied_in(each) for each in self.case.denying)}"
        return sentence

    def _missing(self) -> str:
        """The rule that should have matched, and why it does not."""
        if self.missed is None or not self.missed.failed:
            return ""
        reasons = " and ".join(why_not(test, self.missed.packet, self.view) for test in self.missed.failed)
        return f"; {self.names.place(self.missed.rule.origin)} does not match it, as {reasons}"

    def _others(self) -> str:
        """The rules that come in for other packets of the finding."""
        if not self.also:
            return ""
        places = [self.names.place(rule.origin) for rule in self.also[:LISTED]]
        if len(self.also) > LISTED:
            places.append(f"{len(self.also) - LISTED} more rules")
        return f"; with other packets of the region also {' and '.join(places)}"
