"""The text for people says the most important thing first and stays short."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.reports import sample
from verifier.model.finding import Answer, Finding, Kind, Premise, VerifyReport
from verifier.model.trace import Step
from verifier.reports import report
from verifier.reports.page import Page
from verifier.reports.report import Style

WHOLE_REPORT = """\
refuted: node-a (calico): 1 leak; 4 pods, 5 paths, IPv4

1. leak: the rules accept what shop/api denies: no rule of the chain tests the source (leak-1a2b3c)
  where    remote-to-pod; IPv4
  pods     2: pods app=api of shop
  region   any remote address -> pods app=api of shop: tcp except 8080
  packet   tcp 10.244.2.5:32768 (dev/other) -> 10.244.1.1:22 (shop/api-0), NEW, in eth0, out cali1
           dev/other: app=other
           shop/api-0: app=api, tier=back; namespace team=sales
  policy   shop/api: isolates ingress of app=api  cluster/policies.yaml:3
  rule     filter POD-FW-1 rule 3 (ingress of shop/api-0)  nodes/node-a/iptables-save:12
           -A POD-FW-1 -p tcp -j ACCEPT

excused as documented by calico (--strict excuses nothing)
  endpoint-to-host: connections to the node are dropped [Calico, FelixConfiguration]

left open by the policy API (--assume decides, `chainproof profile` explains): other-protocols

notes
  nodes/node-a/routes.json is missing: interfaces follow the compiler's naming
"""


def written(outcome: VerifyReport, style: Style | None = None) -> str:
    return report("text").render(outcome, style or Style())


def many(number: int, **changes: object) -> list[Finding]:
    return [replace(sample.LEAK, id=f"leak-{n:04}", **changes) for n in range(number)]  # type: ignore[arg-type]


def test_a_whole_report() -> None:
    assert written(sample.refuted()) == WHOLE_REPORT


def test_a_proof_is_one_line() -> None:
    text = written(sample.verify_report(sample.node_report(Answer.PROVED)))
    assert text.startswith("proved: node-a (calico): 4 pods, 5 paths, IPv4: ")
    assert text.count("\n") == 1


def test_who_applies_the_policies_stands_on_top() -> None:
    """A sentence about the whole node comes before its findings."""
    told = sample.refuted()
    (first,) = told.nodes
    lines = written(replace(told, nodes=(replace(first, enforcement="nothing applies policies"),))).splitlines()
    assert lines[1:3] == ["  nothing applies policies", ""]


def test_a_thousand_findings_of_one_pattern_are_one_screen() -> None:
    text = written(sample.refuted(*many(1000)))
    assert text.startswith("refuted: node-a (calico): 1000 leaks in 1 pattern;")
    assert "(leak-0000 and 999 alike)" in text
    assert "and 995 more findings alike" in text
    assert text.count("\n") < 30


def test_no_pattern_is_hidden_however_many_there_are() -> None:
    findings = [
        replace(each, cause=f"cause number {n}", rules=(replace(sample.ACCEPT, text=f"-j MARK --set-mark {n:#x}"),))
        for n, each in enumerate(many(40))
    ]
    text = written(sample.refuted(*findings))
    assert text.startswith("refuted: node-a (calico): 40 leaks;")
    assert all(f"cause number {n}" in text for n in range(40))
    assert text.count("\n") < 120


def test_findings_alike_say_what_they_have_and_no_more() -> None:
    """No empty place where no policy or no rule decides; boxes that are not shown are counted."""
    bare = replace(sample.LEAK, policies=(), region=(sample.BOX, sample.BOX, sample.BOX))
    text = written(sample.refuted(sample.LEAK, replace(bare, id="leak-2")), Style(None))
    assert "tcp except 8080 and 2 more boxes  (leak-2: line 12)\n" in text
    none = [replace(bare, id=name, rules=(), region=(sample.BOX,)) for name in ("leak-3", "leak-4")]
    assert "tcp except 8080  (leak-4)\n" in written(sample.refuted(*none), Style(None))


def test_a_pattern_of_one_line_says_how_to_see_the_rest() -> None:
    findings = [
        replace(each, rules=(replace(sample.ACCEPT, text=f"-j MARK --set-mark {n:#x}"),))
        for n, each in enumerate(many(6))
    ]
    text = written(sample.refuted(*findings), Style(None))
    assert "(remote-to-pod, 2 pods, leak-0005; --pod shop/api-0 or --format json shows it)" in text


def test_a_rule_that_should_have_matched_has_its_place() -> None:
    rule = replace(sample.ACCEPT, text="-A POD-FW-1 -p udp -j ACCEPT")
    step = Step("filter", "POD-FW-1", 2, rule, 0, 0)
    finding = replace(sample.LEAK, rules=(sample.ACCEPT, rule), places=(step,), missed=(rule,))
    assert "  missed   filter POD-FW-1 rule 2 (ingress of shop/api-0)  " in written(sample.refuted(finding))


def test_a_cause_names_files_briefly() -> None:
    cause = "nodes/node-a/iptables-save:12 accepts what cluster/policies.yaml:3 denies"
    text = written(sample.refuted(replace(sample.LEAK, cause=cause)))
    assert "1. leak: iptables-save:12 accepts what policies.yaml:3 denies" in text


def test_leaks_come_before_blocked() -> None:
    blocked = replace(sample.LEAK, id="a", kind=Kind.BLOCKED, cause="an outage")
    text = written(sample.refuted(blocked, sample.LEAK))
    assert text.index("1. leak") < text.index("2. blocked: an outage")


def test_undecided_reasons_are_told_once_with_an_example() -> None:
    reason = "nodes/node-a/iptables-save:20: -m recent is not understood"
    node = sample.node_report(Answer.UNDECIDED, questions=sample.questions(Answer.UNDECIDED, reason))
    text = written(sample.verify_report(node), Style(None))
    assert text.startswith("undecided: node-a (calico): 20 of 20 questions undecided;")
    assert text.count(reason) == 1
    assert "dev/probe node-to-pod IPv4, dev/probe pod-to-node IPv4 and 18 more" in text


def test_one_reason_of_many_rules_is_told_once_with_their_lines() -> None:
    reasons = [f"no interfaces (n/iptables-list:{line})" for line in (3, 20, 100, 4, 5, 6, 7, 8)]
    node = sample.node_report(Answer.UNDECIDED, questions=sample.questions(Answer.UNDECIDED, *reasons))
    text = written(sample.verify_report(node), Style(None))
    assert "undecided: 1 reason\n" in text
    assert "  no interfaces (n/iptables-list:3, 4, 5, 6, 7 and 3 more lines) (" in text
    assert "dev/probe node-to-pod IPv4, dev/probe pod-to-node IPv4 and 18 more" in " ".join(text.split())


def test_what_was_assumed_is_told_in_full() -> None:
    premise = Premise("other-protocols", "protocols other than TCP, UDP and SCTP", "Kubernetes", "deny")
    text = written(sample.verify_report(sample.node_report(Answer.PROVED, assumptions=(premise,))))
    assert "assumed\n  other-protocols=deny: protocols other than TCP, UDP and SCTP\n" in text
    assert "left open" not in text


def test_several_nodes_are_counted_and_the_worst_comes_first() -> None:
    nodes = (sample.node_report(Answer.PROVED), sample.node_report(Answer.REFUTED, sample.LEAK, node="node-b"))
    text = written(sample.verify_report(*nodes))
    assert text.startswith("refuted: 2 nodes: 1 proved, 1 refuted, 0 undecided\n")
    assert text.index("node-b") < text.index("node-a (calico)")


def test_prose_is_wrapped_and_quoted_rules_are_whole_in_a_pipe() -> None:
    rule = replace(sample.ACCEPT, text="-A POD-FW-1 " + "-m comment " * 20)
    text = written(sample.refuted(replace(sample.LEAK, rules=(rule,), cause="word " * 60)), Style(80))
    assert rule.text.rstrip() in text
    assert max(len(line) for line in text.splitlines() if "-m comment" not in line) <= 80


def test_what_no_space_divides_stays_on_one_line() -> None:
    page = Page(Style(42))
    page.line("a packet of forty columns goes out by ", ("eth0", "name"), "; pod-to-remote", hang=2)
    assert page.text() == "a packet of forty columns goes out by\n  eth0; pod-to-remote\n"


def test_on_a_terminal_rules_wrap_too() -> None:
    rule = replace(sample.ACCEPT, text="-A POD-FW-1 " + "-m comment " * 20)
    text = written(sample.refuted(replace(sample.LEAK, rules=(rule,))), Style(80, terminal=True))
    assert max(map(len, text.splitlines())) <= 80


def test_colours_change_nothing_but_colour() -> None:
    coloured = written(sample.refuted(), Style(120, terminal=True, colour=True))
    assert "\x1b[" in coloured
    plain = "".join(part.partition("m")[2] if n else part for n, part in enumerate(coloured.split("\x1b[")))
    assert plain == written(sample.refuted(), Style(120, terminal=True))


def test_names_from_the_input_never_command_a_terminal() -> None:
    text = written(sample.refuted(replace(sample.LEAK, cause="a \x1b[2J b")))
    assert "\x1b" not in text
    assert "a \\x1b[2J b" in text
