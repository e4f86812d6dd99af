"""Which step is wrong: from policies to their conversions, from these to rules, or from what sets stand for to what they hold.

Spec: specs/questions/verify.md (STEP-1, STEP-2)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from verifier.evidence.imagined import judged_otherwise
from verifier.model.cluster import Cluster
from verifier.model.finding import Answer, Finding, NodeReport, Reason, Step, StepAnswer, VerifyReport
from verifier.model.layer import LayerOptions, LayerVerdict
from verifier.model.node import NodeState
from verifier.model.options import VerifyOptions
from verifier.model.snapshot import Snapshot
from verifier.policies.tiers import in_tiers
from verifier.questions.layer import compare
from verifier.session.layer import sides_of

LISTED = 3
WORST = (Answer.REFUTED, Answer.UNDECIDED, Answer.PROVED)


def with_steps(
    report: VerifyReport,
    snapshot: Snapshot,
    options: VerifyOptions,
    again: Callable[[Snapshot], Iterable[NodeReport]],
) -> VerifyReport:
    """The report with the answer of every step, where the snapshot has conversions of its NetworkPolicies.

    `again` verifies the nodes of another snapshot. It is asked where the conversions are other policies than those of which
    they are: then the rules are compared with the conversions by themselves.
    """
    if not snapshot.cluster.converted or not any(node.questions for node in report.nodes):
        return report
    verdict = compare(*sides_of(snapshot.cluster, snapshot.path), LayerOptions(options.settings, options.timeout))
    if verdict.answer is Answer.PROVED:
        nodes = [replace(node, findings=tuple(map(_blamed, node.findings))) for node in report.nodes]
        return replace(report, nodes=tuple(nodes), steps=(_converted(verdict), *_compiled(nodes)))
    changed = replace(snapshot, cluster=_as_converted(snapshot.cluster))
    shown = _as_converted(report.cluster)  # with the pods between which findings for every cluster are shown
    nodes = [
        replace(node, findings=tuple(_judged(each, shown, node.node) for each in node.findings))
        for node in report.nodes
    ]
    return replace(report, nodes=tuple(nodes), steps=(_converted(verdict), *_compiled(list(again(changed)))))


def _as_converted(cluster: Cluster) -> Cluster:
    """The cluster with the conversions instead of what they were made of."""
    own = [policy for tier in cluster.tiers for policy in tier.policies if policy.written is None]
    return replace(cluster, tiers=in_tiers(cluster.tiers, [*own, *cluster.converted]), converted=())


def _converted(verdict: LayerVerdict) -> StepAnswer:
    number = len(verdict.pairs)
    counts = "1 NetworkPolicy and its conversion" if number == 1 else f"{number} NetworkPolicies and their conversions"
    if verdict.answer is Answer.PROVED:
        return StepAnswer(Step.CONVERSION, verdict.answer, f"{counts} agree, for every cluster")
    wrong = [pair.policy.name for pair in verdict.pairs if pair.answer is not Answer.PROVED]
    wrong += [policy.name for policy in (*verdict.missing, *verdict.surplus)]
    more = f" and {len(wrong) - LISTED} more" if len(wrong) > LISTED else ""
    told = f"{', '.join(wrong[:LISTED])}{more} ({counts} compared; verify --layer policies shows packets)"
    return StepAnswer(Step.CONVERSION, verdict.answer, told)


def _compiled(nodes: list[NodeReport]) -> tuple[StepAnswer, StepAnswer]:
    """What nodes make of conversions, and whether sets hold what they stand for."""
    blamed = [_blamed(finding) for node in nodes for finding in node.findings]
    rules = [each for each in blamed if each.step is Step.RULES]
    sets = [each for each in blamed if each.step is Step.SETS]
    logic = {node.for_all.logic if node.for_all else _rest(node) for node in nodes}
    contents = {node.for_all.contents for node in nodes if node.for_all}
    first = Answer.REFUTED if rules else next(each for each in WORST if each in logic)
    second = Answer.REFUTED if sets else next((each for each in WORST if each in contents), Answer.PROVED)
    told = f"{len(rules)} {'finding is' if len(rules) == 1 else 'findings are'} due to them" if rules else SAID[first]
    held = f"{len(sets)} {'finding is' if len(sets) == 1 else 'findings are'} due to them" if sets else HELD[second]
    return StepAnswer(Step.RULES, first, told), StepAnswer(Step.SETS, second, held)


SAID = {
    Answer.PROVED: "the rules do what the conversions say",
    Answer.UNDECIDED: "not all that the rules do is known",
    Answer.REFUTED: "the rules do otherwise than the conversions say",
}
HELD = {
    Answer.PROVED: "no packet goes wrong for what a set holds",
    Answer.UNDECIDED: "not all sets are explained",
    Answer.REFUTED: "some sets hold something else than what they stand for",
}


def _rest(node: NodeReport) -> Answer:
    """What is known of a node's rules where all its findings are due to sets."""
    undecided = any(question.answer is Answer.UNDECIDED for question in node.questions)
    return Answer.UNDECIDED if undecided or not node.questions else Answer.PROVED


def _blamed(finding: Finding) -> Finding:
    """The finding with its step: the sets where these alone are to be repaired, else the rules."""
    reasons = {reason for part in finding.root.parts for reason in part.reasons} if finding.root else set()
    return replace(finding, step=Step.SETS if reasons and not reasons - {Reason.SETS} else Step.RULES)


def _judged(finding: Finding, cluster: Cluster, node: str) -> Finding:
    """The finding with its step: the conversion where it judges the packet otherwise than the policy does."""
    if judged_otherwise(finding.witness, NodeState(node), cluster):
        return replace(finding, step=Step.CONVERSION)
    return _blamed(finding)
