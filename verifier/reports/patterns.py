"""Findings that look alike, so that one defect of a compiler is told once however often its rules repeat it."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence

from verifier.model.effect import Verdict
from verifier.model.finding import Finding, Kind
from verifier.model.trace import ChainTrace, Step

COMMENT = re.compile(r'-m comment|--comment (?:"(?:\\.|[^"\\])*"|\S+)')
NAMES = re.compile(r"(--match-set|-A|-j|-g|-i|-o|--icmp-type|--icmpv6-type) (\S+)")
NUMBERS = re.compile(r"(?<![\w-])(?:[0-9a-f]*[:.][0-9a-f:.]+(?:/\d+)?|\d+(?:[:,]\d+)*)(?![\w-])")
BUILT_IN = re.compile(r"[A-Z]+")


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """Leaks before blocked; within a kind the order in which the evidence ranks them stays."""
    return sorted(findings, key=lambda finding: finding.kind is not Kind.LEAK)


def patterns_of(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings of one kind, one shape of deciding rules and one sort of root cause, each where its first one stands."""
    groups: dict[Hashable, list[Finding]] = {}
    for finding in worst_first(findings):
        groups.setdefault((finding.kind, _shape(finding)), []).append(finding)
    return list(groups.values())


def concerned(group: Sequence[Finding]) -> list[str]:
    """The pods that the findings concern."""
    return sorted({pod for finding in group for pod in finding.pods})


def _shape(finding: Finding) -> Hashable:
    """The deciding rules without the names and numbers of one pod, policy or set, and what has to be repaired."""
    last = deciding_policy(finding.witness.chains)
    by_policy = (last.table, last.chain) if last is not None else ()
    reasons = frozenset((part.reasons, part.either) for part in finding.root.parts) if finding.root else None
    return frozenset(rule_shape(rule.text) for rule in finding.rules), by_policy, reasons


def deciding_policy(trace: ChainTrace) -> Step | None:
    """The built-in chain whose policy decides: the last step of a drop, the last of the filter table for an accept."""
    steps = trace.steps
    if trace.verdict is Verdict.ACCEPT:
        steps = tuple(step for step in steps if step.table == "filter") or steps
    return steps[-1] if steps and steps[-1].rule is None else None


def rule_shape(text: str) -> str:
    """A rule with comments removed and names, addresses and ports made anonymous; marks stay."""
    bare = " ".join(COMMENT.sub("", text).split())
    return NUMBERS.sub("*", NAMES.sub(lambda found: f"{found[1]} {_family_of(found[2])}", bare))


def _family_of(name: str) -> str:
    """A name as far as it tells a role: "KUBE-POD-FW-" of "KUBE-POD-FW-AUP73F6D24XHVPQK"; targets stay whole."""
    if BUILT_IN.fullmatch(name):
        return name
    head, dash, _ = name.rpartition("-")
    return f"{head}{dash}*"
