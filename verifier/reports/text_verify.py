"""The outcome of verify for people: one screen even where a thousand pairs differ for one cause."""

from __future__ import annotations

import re
from collections.abc import Sequence

from verifier.model.finding import Answer, Finding, Kind, NodeReport, VerifyReport
from verifier.model.replay import Outcome
from verifier.reports.page import Page, Segment
from verifier.reports.patterns import concerned, deciding_policy, patterns_of
from verifier.reports.selectors import names_text, pods_text
from verifier.reports.spelling import counted
from verifier.reports.text_ambiguity import write_ambiguities
from verifier.reports.text_for_all import summary, write_for_all
from verifier.reports.text_packet import (
    origin_segments,
    packet_segments,
    place_segments,
    policy_segments,
    rule_segments,
)
from verifier.reports.text_replay import findings_segment, kernel_segments
from verifier.reports.words import PATH_ORDER, Inventory, Place, Words, labels_text

PATTERNS_TOLD = 5
"""How many patterns are told in full; the others get a line each."""
BOXES = 3
RULES = 3
REASONS = 12
LINES = 5
AT_A_LINE = re.compile(r"(.* \([^()]+:)(\d+)\)")
"""A reason that ends with the place of the rule that gives it."""
ALIKE = 4
COLUMN = 11
ROLE = {Answer.PROVED: "good", Answer.REFUTED: "bad", Answer.UNDECIDED: "unsure"}


def write_verify(outcome: VerifyReport, page: Page) -> None:
    """The whole report."""
    inventory = Inventory(outcome.cluster)
    write_ambiguities(outcome.ambiguities, inventory, page)
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
    _steps(outcome, page)
    _listed("notes", outcome.notes, page)


def _steps(outcome: VerifyReport, page: Page) -> None:
    """The answer of every step from policies to what sets hold."""
    if outcome.steps:
        page.blank()
        page.line("step by step")
        for each in outcome.steps:
            page.line(f"  {each.step.value}: ", (each.answer.value, ROLE[each.answer]), f": {each.sentence}", hang=4)


def _rank(answer: Answer) -> int:
    return (Answer.REFUTED, Answer.UNDECIDED, Answer.PROVED).index(answer)


def _headline(node: NodeReport, page: Page) -> None:
    page.line((node.answer.value, ROLE[node.answer]), f": {node.node} ({node.compiler}): {_summary(node)}", hang=2)
    if node.enforcement:
        page.line(f"  {node.enforcement}", hang=4)
    if len({answer for _, answer in node.families}) > 1:
        page.line("  ", ", ".join(f"IPv{family} is {answer.value}" for family, answer in node.families), hang=4)
    if any(finding.replays for finding in node.findings):
        page.line("  ", findings_segment(node.findings), hang=4)


def _summary(node: NodeReport) -> str:
    asked = _asked(node)
    if node.for_all is not None and node.questions:
        return f"{asked}: {summary(node.for_all, node, _found(node))}"
    undecided = sum(question.answer is Answer.UNDECIDED for question in node.questions)
    open_ones = f"{undecided} of {counted(len(node.questions), 'question')} undecided"
    match node.answer:
        case Answer.PROVED:
            aside = ", documented differences aside" if node.deviations else ""
            return f"{asked}: what is loaded and what the policies say agree on every packet{aside}"
        case Answer.UNDECIDED:
            return f"{open_ones}; {asked}" if node.questions else "nothing was asked"
        case Answer.REFUTED:
            return f"{_found(node)}; {asked}" + (f"; {open_ones}" if undecided else "")


def _found(node: NodeReport) -> str:
    """How many findings of each kind there are, and how many patterns where they repeat."""
    groups = patterns_of(node.findings)
    parts = []
    for kind, word in ((Kind.LEAK, "leak"), (Kind.BLOCKED, "blocked")):
        mine = [group for group in groups if group[0].kind is kind]
        number = sum(map(len, mine))
        if number:
            repeated = f" in {counted(len(mine), 'pattern')}" if len(mine) < number else ""
            parts.append(f"{counted(number, word, 'leaks' if kind is Kind.LEAK else word)}{repeated}")
    return ", ".join(parts)


def _asked(node: NodeReport) -> str:
    pods = len({question.pod for question in node.questions})
    paths = len({question.path for question in node.questions})
    families = " and ".join(f"IPv{family}" for family in sorted({question.family for question in node.questions}))
    return f"{counted(pods, 'pod')}, {counted(paths, 'path')}, {families}"


def _at_a_line(reason: str) -> tuple[str, tuple[int, ...]]:
    """A reason without the line of the file that it ends with, and that line: many rules have one reason."""
    found = AT_A_LINE.fullmatch(reason)
    return (reason, ()) if found is None else (found.group(1), (int(found.group(2)),))


def _lines_text(lines: set[int]) -> str:
    if not lines:
        return ""
    rest = len(lines) - LINES
    others = f" and {counted(rest, 'more line')}" if rest > 0 else ""
    return f"{', '.join(map(str, sorted(lines)[:LINES]))}{others})"


def _cause(finding: Finding) -> str:
    """The cause with the bare names of files whose whole paths stand below."""
    text = finding.cause
    for path in {rule.origin.path for rule in finding.rules} | {policy.origin.path for policy, _ in finding.policies}:
        text = text.replace(f"{path}:", f"{path.rpartition('/')[2]}:")
    return text


class _Told:
    """One node's part of the report."""

    def __init__(self, node: NodeReport, inventory: Inventory, page: Page) -> None:
        self._node = node
        self._inventory = inventory
        self._words = Words(inventory, Place(node.node, node.addresses))
        self._page = page
        self._phrases = dict(node.chains)

    def write(self) -> None:
        self._not_confirmed()
        groups = patterns_of(self._node.findings)
        for number, group in enumerate(groups[:PATTERNS_TOLD], 1):
            self._page.blank()
            self._cause(group, f"{number}")
        if len(groups) > PATTERNS_TOLD:
            self._page.blank()
        for number, group in enumerate(groups[PATTERNS_TOLD:], PATTERNS_TOLD + 1):
            pods = concerned(group)
            where = f"{group[0].path.value}, {counted(len(pods), 'pod')}, {group[0].id}"
            told = f" ({where}; --pod {pods[0]} or --format json shows it)"
            self._page.line(f"{number}. ", (group[0].kind.value, "bad"), f": {_cause(group[0])}", (told, "dim"), hang=2)
        self._undecided()
        if self._node.for_all is not None:
            write_for_all(self._node.for_all, self._page)
        self._premises()
        _listed("notes", self._node.notes, self._page)

    def _not_confirmed(self) -> None:
        """Every finding that the kernel contradicts: whatever it says of the node, chainproof is wrong somewhere."""
        for finding in self._node.findings:
            if finding.replayed is Outcome.NOT_CONFIRMED:
                self._page.blank()
                self._page.line((finding.id, "name"), ": ", *kernel_segments(finding.replays), hang=2)

    def _cause(self, group: list[Finding], number: str) -> None:
        first = group[0]
        count = f" ({first.id}" + (f" and {len(group) - 1} alike)" if len(group) > 1 else ")")
        self._page.line(f"{number}. ", (first.kind.value, "bad"), f": {_cause(first)}", (count, "dim"), hang=2)
        if first.root is not None:
            self._field("why", [(first.root.sentence, "name")])
        if first.step is not None:
            self._field("step", [first.step.value])
        self._field("where", [self._where(group)])
        self._pods_line(group)
        self._region(first)
        packet = first.witness.packet
        self._field("packet", packet_segments(packet, self._inventory.called))
        self._labels(first)
        if first.replays:
            self._field("kernel", kernel_segments(first.replays))
        for policy, rule in first.policies[:RULES]:
            self._code("policy", policy_segments(policy, rule))
        self._more(len(first.policies) - RULES, "policy", "policies")
        self._rules(first)
        for name in first.assumptions:
            self._field("assuming", [name])
        self._alike(group[1:])

    def _alike(self, others: list[Finding]) -> None:
        """The other findings of a pattern, a line each as far as they are few."""
        for number, finding in enumerate(others[:ALIKE]):
            policies = names_text(dict.fromkeys(policy.name for policy, _ in finding.policies), 2)
            places = ", ".join(str(rule.origin.line) for rule in finding.rules[:2])
            told = "; ".join(part for part in (policies, f"line {places}" if places else "") if part)
            more = f" and {counted(len(finding.region) - 1, 'more box', 'more boxes')}" if finding.region[1:] else ""
            named = f"  ({finding.id}{': ' if told else ''}{told})"
            self._field(
                "alike" if number == 0 else "",
                [self._words.box(finding.region[0], finding), (more, "dim"), (named, "dim")],
            )
        self._more(len(others) - ALIKE, "finding alike", "findings alike")

    def _where(self, group: list[Finding]) -> str:
        paths = ", ".join(path.value for path in PATH_ORDER if any(finding.path is path for finding in group))
        families = ", ".join(f"IPv{family}" for family in sorted({finding.family for finding in group}))
        return f"{paths}; {families}"

    def _pods_line(self, group: list[Finding]) -> None:
        names = set(concerned(group))
        local = [pod for pod in self._inventory.pods if pod.node == self._node.node]
        chosen = [pod for pod in local if pod.full_name in names]
        told = pods_text(chosen, local, self._inventory.namespaces) if len(chosen) == len(names) else names_text(names)
        if len(names) == 1:
            self._field("pod", [(told, "name")])
        else:
            self._field("pods", [f"{len(names)}: ", (told, "name")])

    def _region(self, finding: Finding) -> None:
        lines = [self._words.box(box, finding) for box in finding.region[:BOXES]]
        for number, line in enumerate(lines):
            self._field("region" if number == 0 else "", [line])
        self._more(len(finding.region) - BOXES, "box", "boxes")

    def _labels(self, finding: Finding) -> None:
        packet = finding.witness.packet
        for address in dict.fromkeys((packet.source, packet.destination)):
            pod = self._inventory.pod(packet.family, address)
            if pod is not None:
                labels = labels_text(pod, self._inventory.namespaces)
                self._field("", [(pod.full_name, "name"), ": ", (labels, "dim")])

    def _rules(self, finding: Finding) -> None:
        for rule in finding.rules[:RULES]:
            step = finding.place(rule)
            place = place_segments(step, self._phrases.get(step.chain, "")) if step else []
            role = "missed" if any(rule is each for each in finding.missed) else "rule"
            self._code(role, [*place, *origin_segments(rule.origin)])
            self._code("", rule_segments(rule))
        self._more(len(finding.rules) - RULES, "rule")
        last = deciding_policy(finding.witness.chains)
        if last is not None:
            self._field("rule", place_segments(last, self._phrases.get(last.chain, "")))

    def _undecided(self) -> None:
        asked: dict[str, dict[str, None]] = {}
        lines: dict[str, set[int]] = {}
        for question in self._node.questions:
            if question.answer is Answer.UNDECIDED:
                for reason in question.reasons or ("no reason was given",):
                    said, line = _at_a_line(reason)
                    lines.setdefault(said, set()).update(line)
                    asked.setdefault(said, {})[f"{question.pod} {question.path.value} IPv{question.family}"] = None
        if not asked:
            return
        self._page.blank()
        self._page.line(("undecided", "unsure"), f": {counted(len(asked), 'reason')}")
        for reason, questions in list(asked.items())[:REASONS]:
            self._page.line(
                f"  {reason}{_lines_text(lines[reason])}", (f" ({names_text(questions, 2)})", "dim"), hang=4
            )
        if len(asked) > REASONS:
            others = counted(len(asked) - REASONS, "more reason")
            self._page.line(f"  and {others} (--format json lists all)")

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

    def _more(self, number: int, what: str, plural: str = "") -> None:
        if number > 0:
            self._field("", [(f"and {number} more {what if number == 1 else plural or what + 's'}", "dim")])


def _listed(title: str, sentences: Sequence[str], page: Page) -> None:
    if not sentences:
        return
    page.blank()
    page.line(title)
    for sentence in sentences:
        page.line(f"  {sentence}", hang=4)
