"""The outcome of explain for people: the packet, both ends, what the policies say, every rule that matched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from verifier.model.effect import Verdict
from verifier.model.explanation import Comparison, Explanation, Party
from verifier.model.finding import Answer
from verifier.model.policy import Direction
from verifier.model.profile import MarkBit
from verifier.model.ruleset import Rule
from verifier.model.story import ExplainReport, Story
from verifier.model.trace import ChainTrace, PolicyTrace, Step
from verifier.reports.page import Page, Segment
from verifier.reports.text_packet import (
    packet_segments,
    policy_segments,
)
from verifier.reports.words import labels_text

ROLE = {
    Comparison.AGREE: "good",
    Comparison.LEAK: "bad",
    Comparison.BLOCKED: "bad",
    Comparison.EXCUSED: "unsure",
    Comparison.UNSPECIFIED: "unsure",
    Comparison.UNDECIDED: "unsure",
}
ANSWERED = {Answer.PROVED: "good", Answer.REFUTED: "bad", Answer.UNDECIDED: "unsure"}
OUTCOMES = {Verdict.ACCEPT: "accepted", Verdict.DROP: "dropped", None: "not known"}
HANG = 13


def write_stories(outcome: ExplainReport, page: Page) -> None:
    """Every node's story, the verdict of the comparison first."""
    for story in outcome.stories:
        page.blank()
        _story(story, page)
    if outcome.notes:
        page.blank()
        page.line("notes")
        for note in outcome.notes:
            page.line(f"  {note}", hang=4)


def _story(story: Story, page: Page) -> None:
    told = story.explanation
    page.line(
        (told.comparison.value, ROLE[told.comparison]), f": {told.node} ({story.compiler}): {told.sentence}", hang=2
    )
    page.blank()
    page.line(
        "  packet     ",
        *packet_segments(told.packet, lambda _family, address: _name(told, address)),
        f"; {told.path.value}",
        hang=HANG,
    )
    _party("from", told.source, page)
    _party("to", told.destination, page)
    page.blank()
    _policies(told, page)
    page.blank()
    _rules(story, page)


def _name(told: Explanation, address: int) -> str:
    return next((party.name for party in (told.source, told.destination) if party.address == address), "")


def _party(title: str, party: Party, page: Page) -> None:
    namespaces = {party.namespace.name: party.namespace} if party.namespace else {}
    labels: list[Segment] = [": ", (labels_text(party.pod, namespaces), "dim")] if party.pod else []
    page.line(f"  {title:<11}", (party.name, "name"), *labels, hang=HANG)


def _policies(told: Explanation, page: Page) -> None:
    must = told.expectation.must
    asked = f"must be {OUTCOMES[must]}" if must else "nothing is asked"
    page.line(("policies", "strong"), f": {asked}: {told.expectation.because}", hang=2)
    for direction, trace, party in (
        (Direction.EGRESS, told.expectation.egress, told.source),
        (Direction.INGRESS, told.expectation.ingress, told.destination),
    ):
        if trace is not None and party.pod is not None:
            _judgement(f"{direction.value} of {party.name}", trace, page)
    if told.deviations:
        page.line(f"  excused by {', '.join(told.deviations)}", hang=4)


def _judgement(title: str, trace: PolicyTrace, page: Page) -> None:
    verdict: Segment = ("allowed", "good") if trace.allowed else ("denied", "bad")
    names = ", ".join(policy.name for policy in (*trace.selecting, *trace.passing))
    if not names:
        page.line(f"  {title}: ", verdict, ", no policy selects it", hang=4)
        return
    if trace.deciding is None:
        unmatched = trace.unmatched
        left = ", ".join(policy.name for policy in unmatched)
        said = f"no rule of {left} matches" if unmatched else "passed on by the last tier in which a policy selects it"
        page.line(f"  {title}: ", verdict, f", {said}", hang=4)
        for policy in unmatched:
            page.code("    ", *policy_segments(policy, None), hang=6)
    else:
        page.line(
            f"  {title}: ", verdict, f", {'isolated' if trace.selecting else 'selected'} by {names}, decided by", hang=4
        )
        if trace.policy is not None:
            page.code("    ", *policy_segments(trace.policy, trace.deciding), hang=6)
    for policy, rule in trace.passed:
        page.code("    passed on by ", *policy_segments(policy, rule), hang=6)
    for reason in trace.reasons:
        page.line(f"    not known: {reason}", hang=6)


def _rules(story: Story, page: Page) -> None:
    trace = story.explanation.chains
    files = dict.fromkeys(step.rule.origin.path for step in trace.steps if step.rule is not None)
    where = ", ".join(files) or "the node"
    matched = f"every rule of {where} that matched" if trace.steps else f"no rule of {where} matches for certain"
    page.line(("rules", "strong"), f": {OUTCOMES[trace.verdict]}; {matched}", hang=2)
    write_steps(trace, dict(story.chains), story.marks, page)


def write_steps(trace: ChainTrace, phrases: Mapping[str, str], marks: Sequence[MarkBit], page: Page) -> None:
    """Every rule that matched, by table and chain, with line and mark; then what the marks that were used mean."""
    lines = max((len(str(step.rule.origin.line)) for step in trace.steps if step.rule is not None), default=4)
    widths = max(lines, len("line")), max((len(_mark(step)) for step in trace.steps), default=4)
    if trace.steps:
        page.line((f"    {'line':>{widths[0]}}  {'mark':<{widths[1]}}  rule", "dim"))
    shown = ""
    for number, step in enumerate(trace.steps, 1):
        place = f"{step.table} {step.chain}"
        if step.rule is None:
            policy = OUTCOMES[trace.verdict if number == len(trace.steps) else Verdict.ACCEPT]
            page.line(f"  {step.table} ", (step.chain, "name"), f": {policy} by its policy", hang=4)
        else:
            if place != shown:
                phrase = phrases.get(step.chain, "")
                page.line(f"  {step.table} ", (step.chain, "name"), f" ({phrase})" if phrase else "", hang=4)
            _step(step, step.rule, widths, page)
        shown = place
    for reason in trace.reasons:
        page.line(f"  not known: {reason}", hang=4)
    _marks(trace, marks, page)


def _mark(step: Step) -> str:
    if step.mark_before == step.mark_after:
        return f"{step.mark_after:#x}"
    return f"{step.mark_before:#x} -> {step.mark_after:#x}"


def _step(step: Step, rule: Rule, widths: tuple[int, int], page: Page) -> None:
    place = (f"    {rule.origin.line:>{widths[0]}}  ", "dim")
    mark = (f"{_mark(step):<{widths[1]}}  ", "unsure" if step.mark_before != step.mark_after else "dim")
    text = rule.text.removeprefix(f"-A {step.chain} ")
    page.code(place, mark, (text, "code"), hang=sum(widths) + 8)


def _marks(trace: ChainTrace, marks: Sequence[MarkBit], page: Page) -> None:
    """What the compiler means by the mark bits that were set on the way."""
    used = 0
    for step in trace.steps:
        used |= step.mark_before | step.mark_after
    for bit in marks:
        if bit.mask & used:
            page.line(f"  mark bit {bit.mask:#x}: {bit.meaning}", hang=4)
