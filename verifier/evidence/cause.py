"""One sentence on why a packet goes wrong: the entry, the rule and the policy that disagree."""

from __future__ import annotations

from verifier.evidence.case import Case
from verifier.evidence.near_miss import NearMiss
from verifier.evidence.phrases import left_out, memberships, why_not
from verifier.model.effect import Assign, Finish, Verdict
from verifier.model.fields import Field
from verifier.model.finding import Kind
from verifier.model.packet import Packet
from verifier.model.policy import Direction, Policy, PolicyRule
from verifier.model.ruleset import Rule
from verifier.model.trace import Step
from verifier.reference.specification import NODE_PATHS
from verifier.reference.view import View

PEER_FIELD = {Direction.INGRESS: Field.SOURCE, Direction.EGRESS: Field.DESTINATION}
LISTED = 3


def cause(case: Case, missed: NearMiss | None, view: View) -> str:
    """The sentence, without a full stop at its end."""
    if case.difference.kind is Kind.LEAK:
        return f"{_passed(case, view)}, but {_denied(case, view)}"
    return f"{_allowed(case)}, but {_stopped(case, missed, view)}"


def _passed(case: Case, view: View) -> str:
    """What the chains do to let the packet through."""
    told = [_marks(step, case.packet, view) for step in case.decision.marking[-LISTED:]]
    last = case.decision.verdict
    if last.rule is None:
        told.append(f"no rule of {last.table}/{last.chain} decides and its policy accepts the packet")
    else:
        told.append(f"{last.rule.origin} accepts {'it' if told else 'the packet'}{_by_sets(last.rule, case, view)}")
    return " and ".join(told)


def _marks(step: Step, packet: Packet, view: View) -> str:
    rule = step.rule
    assert rule is not None
    bits = step.mark_after & ~step.mark_before
    if not bits and isinstance(rule.effect, Assign):
        bits = rule.effect.value & step.mark_after
    if not bits:
        return f"{rule.origin} clears mark {step.mark_before & ~step.mark_after:#x} again"
    reasons = memberships(rule.match, packet, view)
    because = f", as {' and '.join(reasons)}," if reasons else ""
    return f"{rule.origin}{because} sets mark {bits:#x}"


def _by_sets(rule: Rule, case: Case, view: View) -> str:
    reasons = memberships(rule.match, case.packet, view)
    return f", as {' and '.join(reasons)}" if reasons else ""


def _denied(case: Case, view: View) -> str:
    """Which policies deny the packet, and which exception in them does where one does."""
    if not case.denying:
        return f"it must be denied ({case.expected.because})"
    return " and ".join(_denied_in(case, direction, view) for direction in case.denying)


def _denied_in(case: Case, direction: Direction, view: View) -> str:
    trace = case.judged(direction)
    assert trace is not None
    end = case.packet.destination if direction is Direction.INGRESS else case.packet.source
    pod = view.pods[case.packet.family, end].full_name
    if trace.policy is not None and trace.deciding is not None:
        return f"{_rule_name(trace.policy, trace.deciding)} denies it"
    for policy in trace.selecting:
        for rule in policy.rules:
            hole = left_out(rule.peer, PEER_FIELD[direction], case.packet, view) if rule.direction is direction else ""
            if hole:
                return f"{_rule_name(policy, rule)}, for {direction.value} of {pod}, excepts {hole} and nothing else allows it"
    return f"{_names(trace.selecting)} for {direction.value} of {pod} and no rule allows it"


def _names(policies: tuple[Policy, ...]) -> str:
    shown = ", ".join(policy.name for policy in policies[:LISTED])
    more = f" and {len(policies) - LISTED} more" if len(policies) > LISTED else ""
    if len(policies) == 1:
        return f"policy {shown} ({policies[0].origin}) isolates"
    return f"policies {shown}{more} isolate"


def _rule_name(policy: Policy, rule: PolicyRule) -> str:
    return f"{rule.text} of policy {policy.name} ({rule.origin})"


def _allowed(case: Case) -> str:
    """Why the packet must be let through."""
    rules = [(policy, rule) for policy, rule in case.policies if rule is not None]
    if rules and case.difference.path not in NODE_PATHS:
        allow = "allows" if len(rules) == 1 else "allow"
        return f"{' and '.join(_rule_name(policy, rule) for policy, rule in rules)} {allow} the packet"
    return f"the packet must be accepted ({case.expected.because})"


def _stopped(case: Case, missed: NearMiss | None, view: View) -> str:
    """What the chains do to stop the packet, and which rule would have let it through."""
    last = case.decision.verdict
    told = [_marks(step, case.packet, view) for step in case.decision.marking[-LISTED:]]
    if last.rule is None:
        told.append(f"no rule of {last.table}/{last.chain} decides and its policy drops it")
    else:
        told.append(f"{last.rule.origin} {_drops(last.rule)} it{_by_sets(last.rule, case, view)}")
    sentence = " and ".join(told)
    if case.difference.path in NODE_PATHS and case.denying:
        sentence += f", heeding that {' and '.join(_denied_in(case, each, view) for each in case.denying)}"
    if missed is not None and missed.failed:
        reasons = " and ".join(why_not(test, missed.packet, view) for test in missed.failed)
        sentence += f"; {missed.rule.origin} does not match it, as {reasons}"
    return sentence


def _drops(rule: Rule) -> str:
    rejecting = isinstance(rule.effect, Finish) and rule.effect.verdict is Verdict.DROP and rule.effect.reply
    return "rejects" if rejecting else "drops"
