"""The outcome of verify for people: one screen even where a thousand pairs differ for one cause."""

from __future__ import annotations

from collections.abc import Sequence

from verifier.model.finding import Answer, Finding, Kind, NodeReport, VerifyReport
from verifier.reports.page import Page, Segment
from verifier.reports.selectors import names_text, pods_text
from verifier.reports.text_packet import (
    origin_segments,
    packet_segments,
    place_segments,
    policy_segments,
    rule_segments,
)
from verifier.reports.words import PATH_ORDER, Inventory, Place, Words, finding_order, labels_text

CAUSES_TOLD = 5
"""How many causes are told in full; the others get a line each."""
BOXES = 3
RULES = 4
REASONS = 12
COLUMN = 11
ROLE = {Answer.PROVED: "good", Answer.REFUTED: "bad", Answer.UNDECIDED: "unsure"}


def write_verify(outcome: VerifyReport, page: Page) -> None:
    """The whole report."""
    inventory = Inventory(outcome.cluster)
    nodes = sorted(outcome.nodes, key=lambda node: (_rank(node.answer), node.node))
    if len(nodes) == 1:
        _headline(nodes[0], page)
    else:
        counted = ", ".join(f"{sum(node.answer is answer for node in nodes)} {answer.value}" for answer in ROLE)
        page.line((outcome.answer.value, ROLE[outcome.answer]), f": {len(nodes)} nodes: {counted}", hang=2)
    for node in nodes:
        if len(nodes) > 1:
            page.blank()
            _headline(node, page)
        _Told(node, inventory, page).write()
    _listed("notes", outcome.notes, page)


def _rank(answer: Answer) -> int:
    return (Answer.REFUTED, Answer.UNDECIDED, Answer.PROVED).index(answer)


def counted(number: int, singular: str, plural: str = "") -> str:
    """ "1 leak", "2 leaks"."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def _headline(node: NodeReport, page: Page) -> None:
    page.line((node.answer.value, ROLE[node.answer]), f": {node.node} ({node.compiler}): {_summary(node)}", hang=2)


def _summary(node: NodeReport) -> str:
    asked = _asked(node)
    undecided = sum(question.answer is Answer.UNDECIDED for question in node.questions)
    open_ones = f"{undecided} of {counted(len(node.questions), 'question')} undecided"
    match node.answer:
        case Answer.PROVED:
            return f"{asked}: what is loaded and what the policies say agree on every packet"
        case Answer.UNDECIDED:
            return f"{open_ones}; {asked}" if node.questions else "nothing was asked"
        case Answer.REFUTED:
            leaks = sum(finding.kind is Kind.LEAK for finding in node.findings)
            blocked = len(node.findings) - leaks
            parts = [counted(leaks, "leak")] if leaks else []
            parts += [f"{blocked} blocked"] if blocked else []
            causes = counted(len(causes_of(node.findings)), "cause")
            return f"{causes}: {', '.join(parts)}; {asked}" + (f"; {open_ones}" if undecided else "")


def _asked(node: NodeReport) -> str:
    pods = len({question.pod for question in node.questions})
    paths = len({question.path for question in node.questions})
    families = " and ".join(f"IPv{family}" for family in sorted({question.family for question in node.questions}))
    return f"{counted(pods, 'pod')}, {counted(paths, 'path')}, {families}"


def causes_of(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings of one kind and one cause together; leaks first, then what concerns most pods."""
    groups: dict[tuple[Kind, str], list[Finding]] = {}
    for finding in sorted(findings, key=finding_order):
        groups.setdefault((finding.kind, finding.cause), []).append(finding)
    return sorted(groups.values(), key=lambda group: (group[0].kind is not Kind.LEAK, -len(_pods(group))))


def _pods(group: Sequence[Finding]) -> list[str]:
    return sorted({pod for finding in group for pod in finding.pods})


class _Told:
    """One node's part of the report."""

    def __init__(self, node: NodeReport, inventory: Inventory, page: Page) -> None:
        self._node = node
        self._inventory = inventory
        self._words = Words(inventory, Place(node.node, node.addresses))
        self._page = page
        self._phrases = dict(node.chains)

    def write(self) -> None:
        groups = causes_of(self._node.findings)
        for number, group in enumerate(groups[:CAUSES_TOLD], 1):
            self._page.blank()
            self._cause(group, f"{number}")
        if len(groups) > CAUSES_TOLD:
            self._page.blank()
        for number, group in enumerate(groups[CAUSES_TOLD:], CAUSES_TOLD + 1):
            where = f" ({group[0].path.value}, {counted(len(_pods(group)), 'pod')}, {group[0].id})"
            self._page.line(f"{number}. ", (group[0].kind.value, "bad"), f": {group[0].cause}", (where, "dim"), hang=2)
        self._undecided()
        self._premises()
        _listed("notes", self._node.notes, self._page)

    def _cause(self, group: list[Finding], number: str) -> None:
        first = group[0]
        count = f" ({len(group)} findings)" if len(group) > 1 else ""
        self._page.line(f"{number}. ", (first.kind.value, "bad"), f": {first.cause}", (count, "dim"), hang=2)
        self._field("where", [self._where(group)])
        self._pods_line(group)
        self._region(group)
        packet = first.witness.packet
        self._field("packet", packet_segments(packet, self._inventory.name))
        self._labels(first)
        for policy, rule in first.policies[:RULES]:
            self._code("policy", policy_segments(policy, rule))
        self._more(len(first.policies) - RULES, "policy rules")
        self._rules(first)
        for name in first.assumptions:
            self._field("assuming", [name])

    def _where(self, group: list[Finding]) -> str:
        paths = ", ".join(path.value for path in PATH_ORDER if any(finding.path is path for finding in group))
        families = ", ".join(f"IPv{family}" for family in sorted({finding.family for finding in group}))
        return f"{paths}; {families}"

    def _pods_line(self, group: list[Finding]) -> None:
        names = set(_pods(group))
        local = [pod for pod in self._inventory.pods if pod.node == self._node.node]
        chosen = [pod for pod in local if pod.full_name in names]
        told = pods_text(chosen, local, self._inventory.namespaces) if len(chosen) == len(names) else names_text(names)
        if len(names) == 1:
            self._field("pod", [(told, "name")])
        else:
            self._field("pods", [f"{len(names)}: ", (told, "name")])

    def _region(self, group: list[Finding]) -> None:
        boxes = [(box, finding) for finding in group for box in finding.region]
        lines = list(dict.fromkeys(self._words.box(box, finding) for box, finding in boxes[: 4 * BOXES]))
        for number, line in enumerate(lines[:BOXES]):
            self._field("region" if number == 0 else "", [line])
        self._more(len(boxes) - min(len(lines), BOXES), "boxes (--format json lists all)")

    def _labels(self, finding: Finding) -> None:
        packet = finding.witness.packet
        for address in dict.fromkeys((packet.source, packet.destination)):
            pod = self._inventory.pod(packet.family, address)
            if pod is not None:
                labels = labels_text(pod, self._inventory.namespaces)
                self._field("", [(pod.full_name, "name"), ": ", (labels, "dim")])

    def _rules(self, finding: Finding) -> None:
        steps = {id(step.rule): step for step in finding.witness.chains.steps if step.rule is not None}
        for rule in finding.rules[:RULES]:
            step = steps.get(id(rule))
            place: list[Segment] = place_segments(step, self._phrases.get(step.chain, "")) if step else []
            self._code("rule", [*place, *origin_segments(rule.origin)])
            self._code("", rule_segments(rule))
        self._more(len(finding.rules) - RULES, "rules")
        last = finding.witness.chains.steps[-1] if finding.witness.chains.steps else None
        if last is not None and last.rule is None:
            self._field("rule", place_segments(last, self._phrases.get(last.chain, "")))

    def _undecided(self) -> None:
        asked: dict[str, list[str]] = {}
        for question in self._node.questions:
            if question.answer is Answer.UNDECIDED:
                for reason in question.reasons or ("no reason was given",):
                    asked.setdefault(reason, []).append(f"{question.pod} {question.path.value} IPv{question.family}")
        if not asked:
            return
        self._page.blank()
        self._page.line(("undecided", "unsure"), f": {counted(len(asked), 'reason')}")
        for reason, questions in list(asked.items())[:REASONS]:
            self._page.line(f"  {reason}", (f" ({names_text(questions, 2)})", "dim"), hang=4)
        if len(asked) > REASONS:
            self._page.line(f"  and {len(asked) - REASONS} more reasons (--format json lists all)")

    def _premises(self) -> None:
        if self._node.deviations:
            self._page.blank()
            self._page.line(f"excused as documented by {self._node.compiler} (--strict excuses nothing)", hang=2)
            for each in self._node.deviations:
                self._page.line("  ", (each.name, "name"), f": {each.sentence}", (f" [{each.source}]", "dim"), hang=4)
        settled = [each for each in self._node.assumptions if each.setting != "any"]
        left = [each for each in self._node.assumptions if each.setting == "any"]
        if settled:
            self._page.blank()
            self._page.line("assumed")
            for each in settled:
                self._page.line("  ", (f"{each.name}={each.setting}", "name"), f": {each.sentence}", hang=4)
        if left:
            self._page.blank()
            names = ", ".join(each.name for each in left)
            self._page.line(
                "left open by the policy API (--assume decides, `chainproof profile` explains): ", names, hang=2
            )

    def _field(self, key: str, segments: list[Segment]) -> None:
        self._page.line(f"  {key:<{COLUMN - 2}}", *segments, hang=COLUMN + 2)

    def _code(self, key: str, segments: list[Segment]) -> None:
        self._page.code(f"  {key:<{COLUMN - 2}}", *segments, hang=COLUMN + 2)

    def _more(self, number: int, what: str) -> None:
        if number > 0:
            self._field("", [(f"and {number} more {what}", "dim")])


def _listed(title: str, sentences: Sequence[str], page: Page) -> None:
    if not sentences:
        return
    page.blank()
    page.line(title)
    for sentence in sentences:
        page.line(f"  {sentence}", hang=4)
