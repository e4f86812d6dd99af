"""Two sets of policies, compared for every cluster, for people."""

from __future__ import annotations

from collections.abc import Sequence

from verifier.model.finding import Answer
from verifier.model.layer import Change, LayerFinding, LayerReport, PairReport, Side
from verifier.model.policy import Policy, PolicyRule
from verifier.reports.layer_words import box_text, imagined_text
from verifier.reports.page import Page, Segment
from verifier.reports.spelling import counted
from verifier.reports.text_packet import packet_segments, policy_segments

ROLE = {Answer.PROVED: "good", Answer.REFUTED: "bad", Answer.UNDECIDED: "unsure"}
BOXES = 4
RULES = 3
TOLD = 8
"""How many findings are told in full; the others get a line each."""
LISTED = 12
COLUMN = 14


def write_layer(outcome: LayerReport, page: Page) -> None:
    """One line that says it all, then the pairs that differ, what differs beside them, and what it rests on."""
    page.line((outcome.answer.value, ROLE[outcome.answer]), f": {_summary(outcome)}", hang=2)
    told = 0
    for pair in (each for each in outcome.pairs if each.answer is not Answer.PROVED):
        page.blank()
        _pair(pair, page, TOLD - told)
        told += len(pair.findings)
    _together(outcome, page, TOLD - told)
    _alone("without a translation", outcome.missing, outcome.sides[1], page)
    _alone("translations of no policy", outcome.surplus, outcome.sides[0], page)
    _premises(outcome, page)


def _summary(outcome: LayerReport) -> str:
    policies, translations = (len(side.policies) for side in outcome.sides)
    counts = f"{counted(policies, 'policy', 'policies')} and {counted(translations, 'translation')}"
    if outcome.answer is Answer.PROVED:
        return f"{counts} agree for every source and destination that there could be"
    differ = sum(each.answer is Answer.REFUTED for each in outcome.pairs)
    unsure = sum(each.answer is Answer.UNDECIDED for each in outcome.pairs)
    parts = [f"{differ} of {counted(len(outcome.pairs), 'pair')} differ"] if differ else []
    parts += [f"{unsure} of {counted(len(outcome.pairs), 'pair')} undecided"] if unsure else []
    return f"{counts}: {'; '.join([*parts, f'all together {outcome.together.value}'])}"


def _pair(pair: PairReport, page: Page, room: int) -> None:
    named = (
        pair.policy.name
        if pair.policy.name == pair.translation.name
        else f"{pair.policy.name} and {pair.translation.name}"
    )
    page.line((pair.answer.value, ROLE[pair.answer]), ": ", (named, "name"), hang=2)
    for reason in pair.reasons:
        page.line(f"  {reason}", hang=4)
    _findings(pair.findings, page, room)
    _edits(pair, page)


SAID = {
    Change.KEEP: "stays",
    Change.REMOVE: "remove",
    Change.ADD: "add",
    Change.SELECT: "select",
    Change.RELEASE: "release",
}


def _edits(pair: PairReport, page: Page) -> None:
    """What agrees already, and what to change so that all does."""
    changes = [each for each in pair.edits if each.change is not Change.KEEP]
    if not changes:
        return
    page.line("  to make them agree, change the translation", hang=4)
    for each in [edit for edit in pair.edits if edit.change is Change.KEEP] + changes:
        if each.change in (Change.SELECT, Change.RELEASE):
            wanted = "what the policy selects" if each.change is Change.SELECT else "nobody"
            _field(SAID[each.change], [f"{wanted}, for {each.direction.value}"], page)
        else:
            _field(SAID[each.change], policy_segments(each.policy, each.rule), page)


def _findings(findings: Sequence[LayerFinding], page: Page, room: int) -> None:
    room = max(room, 1)
    for each in findings[:room]:
        _finding(each, page)
    for each in findings[room:]:
        page.line(
            "  ",
            (each.kind.value, "bad"),
            f" {each.direction.value}: {each.sentence}",
            (f" ({each.id})", "dim"),
            hang=4,
        )


def _finding(finding: LayerFinding, page: Page) -> None:
    told = f" {finding.direction.value}: {finding.sentence}"
    page.line("  ", (finding.kind.value, "bad"), told, (f" ({finding.id})", "dim"), hang=4)
    for number, box in enumerate(finding.region[:BOXES]):
        _field("region" if number == 0 else "", [box_text(box)], page)
    more = len(finding.region) - BOXES
    if more > 0 or not finding.complete:
        counted_more = counted(max(more, 0), "more box", "more boxes")
        _field(
            "", [(f"and {counted_more}{'' if finding.complete else ', and others that are not listed'}", "dim")], page
        )
    witness = finding.witness
    _field("packet", packet_segments(witness.packet, lambda _family, _address: ""), page)
    for role, text in imagined_text(witness):
        _field(f"  {role}", [text], page)
    _rules("policy", finding.policies, page)
    _rules("translation", finding.translations, page)


def _rules(role: str, rules: Sequence[tuple[Policy, PolicyRule | None]], page: Page) -> None:
    if not rules:
        _field(role, [("none selects the pod", "dim")], page)
    for number, (policy, rule) in enumerate(rules[:RULES]):
        _field(role if number == 0 else "", policy_segments(policy, rule), page)
    if len(rules) > RULES:
        _field("", [(f"and {len(rules) - RULES} more", "dim")], page)


def _field(key: str, segments: Sequence[Segment], page: Page) -> None:
    page.line(f"    {key:<{COLUMN}}", *segments, hang=COLUMN + 4)


def _together(outcome: LayerReport, page: Page, room: int) -> None:
    if outcome.together is Answer.PROVED:
        if outcome.answer is not Answer.PROVED:
            page.blank()
            page.line("all policies together allow the same nonetheless")
        return
    if not outcome.findings and not outcome.reasons:
        return
    page.blank()
    aside = " beside what these pairs explain" if any(each.answer is Answer.REFUTED for each in outcome.pairs) else ""
    page.line((outcome.together.value, ROLE[outcome.together]), f": all policies together{aside}", hang=2)
    for reason in outcome.reasons:
        page.line(f"  {reason}", hang=4)
    _findings(outcome.findings, page, room)


def _alone(title: str, policies: Sequence[Policy], other: Side, page: Page) -> None:
    if not policies:
        return
    page.blank()
    page.line(f"{title}: no policy of that name in {other.name}", hang=2)
    for each in policies[:LISTED]:
        page.line("  ", (each.name, "name"), (f"  {each.origin}", "dim"), hang=4)
    if len(policies) > LISTED:
        page.line((f"  and {len(policies) - LISTED} more", "dim"))


def _premises(outcome: LayerReport, page: Page) -> None:
    settled = [each for each in outcome.assumptions if each.setting != "any"]
    left = [each.name for each in outcome.assumptions if each.setting == "any"]
    if settled:
        page.blank()
        page.line("assumed")
        for each in settled:
            page.line("  ", (each.name, "name"), f": {each.sentence}", hang=4)
    if left:
        page.blank()
        told = "left open by the policy API (--assume decides, `chainproof profile` explains): "
        page.line(told, ", ".join(left), hang=2)
    if outcome.notes:
        page.blank()
        page.line("notes")
        for note in outcome.notes:
            page.line(f"  {note}", hang=4)
