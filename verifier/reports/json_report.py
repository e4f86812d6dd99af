"""Outcomes as JSON that other programs rely on.

Spec: specs/reports.md, specs/verify.schema.json
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from verifier import __version__
from verifier.model.addresses import address_text, networks
from verifier.model.bundle import ExportReport
from verifier.model.cluster import Cluster
from verifier.model.counters import CounterReport
from verifier.model.evidence import CheckReport
from verifier.model.explanation import Party
from verifier.model.fields import ICMP, ICMPV6, TCP, has_ports
from verifier.model.finding import (
    Ambiguity,
    Box,
    CausePart,
    Endpoint,
    Finding,
    NodeReport,
    Premise,
    Question,
    RootCause,
    StepAnswer,
    VerifyReport,
)
from verifier.model.layer import LayerReport
from verifier.model.origin import Origin
from verifier.model.packet import FREE_INTERFACE, Packet
from verifier.model.policy import Policy, PolicyRule
from verifier.model.predicate import Range
from verifier.model.replay_report import ReplayReport
from verifier.model.ruleset import Rule
from verifier.model.story import ExplainReport, ProfileReport, Story
from verifier.model.trace import ChainTrace, PolicyTrace
from verifier.reports.files import Files
from verifier.reports.json_check import check_document
from verifier.reports.json_export import export_document
from verifier.reports.json_for_all import fault_document, for_all_document
from verifier.reports.json_layer import layer_members
from verifier.reports.json_replay import replay_document, replay_members
from verifier.reports.patterns import worst_first
from verifier.reports.report import Outcome, Report, Style
from verifier.reports.spelling import policy_rule_text, port_text
from verifier.reports.words import Inventory

Json: TypeAlias = dict[str, Any]

TOOL: Json = {"name": "chainproof", "version": __version__}
WHOLE_PORTS: tuple[Range, ...] = ((0, 65535),)
POLICED_NAMES = {6: "tcp", 17: "udp", 132: "sctp"}


@dataclass(frozen=True, slots=True)
class _Known:
    """What names addresses and files in the whole document."""

    inventory: Inventory
    files: Files


def render(outcome: Outcome, _style: Style) -> str:
    """The outcome as indented JSON with a final newline."""
    match outcome:
        case VerifyReport():
            document = verify_document(outcome)
        case ExplainReport():
            document = _explain_document(outcome)
        case CounterReport():
            document = _counters(outcome)
        case ReplayReport():
            document = _replay_document(outcome)
        case ProfileReport():
            document = _profile_document(outcome)
        case ExportReport():
            document = export_document(outcome)
        case CheckReport():
            document = check_document(outcome)
        case LayerReport():
            document = _layer_document(outcome)
    return "".join(laid_out(document, "", _PATTERN)) + "\n"


def _counters(outcome: CounterReport) -> Json:
    from verifier.reports.json_counters import counters_document  # noqa: PLC0415  only this outcome needs it

    head = {**_head("counters", outcome.answer.value), "inputs": _inputs(outcome)}
    return head | counters_document(outcome, Files(each.path for each in outcome.inputs))


_PATTERN: Json = {
    "inputs": [None],
    "pairs": [{"findings": [None]}],
    "findings": [None],
    "nodes": [{"questions": [None], "findings": [None], "packets": [None]}],
}
"""What is spread over lines: mappings by key, lists by item; everything else stays on one line."""


def laid_out(value: Any, indent: str, pattern: Any) -> Iterator[str]:
    """JSON that a line-based comparison reads well and that is written fast: an item of a long list is a line."""
    inner = indent + "  "
    if isinstance(value, dict) and isinstance(pattern, dict) and value:
        for number, (key, member) in enumerate(value.items()):
            yield f"{',' if number else '{'}\n{inner}{json.dumps(key)}: "
            yield from laid_out(member, inner, pattern.get(key))
        yield f"\n{indent}}}"
    elif isinstance(value, list) and isinstance(pattern, list) and value:
        for number, member in enumerate(value):
            yield f"{',' if number else '['}\n{inner}"
            yield from laid_out(member, inner, pattern[0])
        yield f"\n{indent}]"
    else:
        yield json.dumps(value, ensure_ascii=False)


def verify_document(outcome: VerifyReport) -> Json:
    """The document that specs/verify.schema.json describes, with every list in a fixed order."""
    known = _Known(Inventory(outcome.cluster), Files(each.path for each in outcome.inputs))
    return {
        **_head("verify", outcome.answer.value),
        "inputs": _inputs(outcome),
        "notes": list(outcome.notes),
        "nodes": [_node(node, known) for node in sorted(outcome.nodes, key=lambda node: node.node)],
        **({"ambiguities": [_ambiguity(each, known) for each in outcome.ambiguities]} if outcome.ambiguities else {}),
        **({"steps": [_step(each) for each in outcome.steps]} if outcome.steps else {}),
    }


def _step(each: StepAnswer) -> Json:
    return {"step": each.step.value, "answer": each.answer.value, "sentence": each.sentence}


def _ambiguity(found: Ambiguity, known: _Known) -> Json:
    return {
        "id": found.id,
        "tier": found.tier,
        "priority": found.order,
        "direction": found.direction.value,
        "family": found.family,
        "policies": [
            {**_policy(policy, rule, known.files), "action": rule.action.value} for policy, rule in found.rules
        ],
        "region": [document for box in found.region for document in box_documents(box, found.family)],
        "witness": _packet(found.packet, known.inventory),
    }


def _head(command: str, answer: str) -> Json:
    return {
        "schema": f"chainproof/{command}/1",
        "tool": TOOL,
        "answer": answer,
    }


def _inputs(outcome: VerifyReport | ExplainReport | CounterReport | ReplayReport | LayerReport) -> list[Json]:
    files = sorted(outcome.inputs, key=lambda each: each.path)
    return [{"path": each.path, "sha256": each.sha256} for each in files]


def _node(node: NodeReport, known: _Known) -> Json:
    questions = sorted(node.questions, key=lambda asked: (asked.pod, asked.path.value, asked.family))
    return {
        "node": node.node,
        "compiler": node.compiler,
        "answer": node.answer.value,
        **({"enforcement": node.enforcement} if node.enforcement else {}),
        **({"for_all": for_all_document(node.for_all)} if node.for_all is not None else {}),
        "families": [{"family": family, "answer": answer.value} for family, answer in node.families],
        "questions": [_question(asked) for asked in questions],
        "findings": [_finding(finding, known) for finding in worst_first(node.findings)],
        "notes": list(node.notes),
        "assumptions": [_premise(each) for each in node.assumptions],
        "deviations": [_premise(each) for each in node.deviations],
        "statistics": dict(node.statistics),
    }


def _question(asked: Question) -> Json:
    document: Json = {
        "pod": asked.pod,
        "path": asked.path.value,
        "family": asked.family,
        "answer": asked.answer.value,
    }
    if asked.reasons:
        document["reasons"] = list(asked.reasons)
    return document


def _premise(premise: Premise) -> Json:
    document: Json = {"name": premise.name, "sentence": premise.sentence, "source": premise.source}
    if premise.setting:
        document["setting"] = premise.setting
    return document


def _finding(finding: Finding, known: _Known) -> Json:
    return {
        "id": finding.id,
        "kind": finding.kind.value,
        "path": finding.path.value,
        "family": finding.family,
        "pods": sorted(finding.pods),
        "region": [document for box in finding.region for document in box_documents(box, finding.family)],
        "witness": _packet(finding.witness.packet, known.inventory),
        "policies": [_policy(policy, rule, known.files) for policy, rule in finding.policies],
        "rules": [_rule(rule, finding, known.files) for rule in finding.rules],
        "cause": finding.cause,
        **({"root_cause": _root_cause(finding.root, finding, known.files)} if finding.root is not None else {}),
        "assumptions": list(finding.assumptions),
        "deviations": list(finding.deviations),
        "trace": {
            "chains": _chains(finding.witness.chains, known.files),
            "ingress": _judgement(finding.witness.ingress, known.files),
            "egress": _judgement(finding.witness.egress, known.files),
        },
        **({"replay": _replays(finding)} if finding.replays else {}),
        **({"step": finding.step.value} if finding.step is not None else {}),
    }


def _replays(finding: Finding) -> Json:
    assert finding.replayed is not None
    return {"outcome": finding.replayed.value, "kernel": [replay_document(each) for each in finding.replays]}


def _root_cause(root: RootCause, finding: Finding, files: Files) -> Json:
    several = len(root.parts) > 1
    return {"sentence": root.sentence, "parts": [_part(part, finding, files, several) for part in root.parts]}


def _part(part: CausePart, finding: Finding, files: Files, several: bool) -> Json:
    """One part; its region is given only where it is not all of the finding's."""
    document: Json = {
        "reasons": [reason.value for reason in part.reasons],
        "either": part.either,
        "sentence": part.sentence,
        "sets": [fault_document(fault) for fault in part.sets],
        "rules": [{**_origin(rule.origin, files), "text": rule.text} for rule in part.rules],
        "because": list(part.because),
    }
    if several:
        document["region"] = [each for box in part.region for each in box_documents(box, finding.family)]
    return document


def box_documents(box: Box, family: int) -> Iterator[Json]:
    """A box per protocol, one with protocol "any" for all 256; a field that the protocol lacks is given whole."""
    numbers: Iterable[int | None] = (None,) if box.protocols is None else box.protocols
    for number in numbers:
        ported = number is None or has_ports(number)
        document: Json = {
            "source": networks(family, box.source),
            "destination": networks(family, box.destination),
            "protocol": protocol_name(number),
            "source_ports": _ranges(box.source_ports if ported else WHOLE_PORTS),
            "destination_ports": _ranges(box.destination_ports if ported else WHOLE_PORTS),
            "state": [state.name for state in box.states],
        }
        if number in (None, ICMP, ICMPV6) and tuple(box.icmp) != WHOLE_PORTS:
            document["icmp"] = _ranges(box.icmp)
        if number in (None, TCP) and box.tcp_flags is not None:
            document["tcp_flags"] = sorted(box.tcp_flags)
        if box.ct_status is not None:
            document["ct_status"] = sorted(box.ct_status)
        if box.through:
            document["sent_to"] = [_endpoint(each, family) for each in box.through]
        if box.in_interfaces:
            document["in_interfaces"] = list(box.in_interfaces)
        if box.out_interfaces:
            document["out_interfaces"] = list(box.out_interfaces)
        yield document


def protocol_name(number: int | None) -> str:
    """ "any" for all, a name for the three that policies decide, else the number in decimal."""
    return "any" if number is None else POLICED_NAMES.get(number, str(number))


def _ranges(ranges: Iterable[Range]) -> list[list[int]]:
    return [[first, last] for first, last in ranges]


def _packet(packet: Packet, inventory: Inventory) -> Json:
    ported = has_ports(packet.protocol)
    icmp = packet.protocol in (ICMP, ICMPV6)
    document: Json = {
        "source": address_text(packet.family, packet.source),
        "destination": address_text(packet.family, packet.destination),
        "source_pod": inventory.name(packet.family, packet.source) or None,
        "destination_pod": inventory.name(packet.family, packet.destination) or None,
        "protocol": protocol_name(packet.protocol),
        "source_port": packet.source_port if ported else None,
        "destination_port": packet.destination_port if ported else None,
        "icmp": {"type": packet.icmp >> 8, "code": packet.icmp & 255} if icmp else None,
        "tcp_flags": packet.tcp_flags if packet.protocol == TCP else None,
        "in_interface": _interface(packet.in_interface),
        "out_interface": _interface(packet.out_interface),
        "state": packet.state.name,
        "mark": packet.mark,
        "ct_status": packet.ct_status,
    }
    if packet.phys_in or packet.phys_out:
        ports = [port_text(name) or None for name in (packet.phys_in, packet.phys_out)]
        document["bridge"] = {"in_port": ports[0], "out_port": ports[1], "bridged": bool(packet.bridged)}
    if packet.original is not None:
        address, port = packet.original
        document["sent_to"] = {"destination": address_text(packet.family, address), "destination_port": port}
    return document


def _endpoint(endpoint: Endpoint, family: int) -> Json:
    return {
        "destination": networks(family, endpoint.addresses),
        "protocols": [protocol_name(number) for number in endpoint.protocols],
        "destination_ports": _ranges(endpoint.ports),
    }


def _interface(name: str) -> str | None:
    return None if name == FREE_INTERFACE else name or None


def _policy(policy: Policy, rule: PolicyRule | None, files: Files) -> Json:
    return {
        "policy": policy.name,
        "rule": rule.text if rule else None,
        **_origin(rule.origin if rule else policy.origin, files),
        "text": policy_rule_text(policy, rule),
    }


def _origin(origin: Origin, files: Files) -> Json:
    return {"file": files.of(origin), "line": origin.line}


def _rule(rule: Rule, finding: Finding, files: Files) -> Json:
    step = finding.place(rule)
    place: Json = {"table": step.table, "chain": step.chain, "number": step.number} if step else {}
    role = "missed" if any(rule is each for each in finding.missed) else "decides"
    return {"role": role, **place, **_origin(rule.origin, files), "text": rule.text}


def _chains(trace: ChainTrace, files: Files) -> Json:
    return {
        "verdict": trace.verdict.value if trace.verdict else None,
        "mark": trace.mark,
        "reasons": list(trace.reasons),
        "steps": [
            {
                "table": step.table,
                "chain": step.chain,
                "number": step.number,
                "text": step.rule.text if step.rule else None,
                "file": files.of(step.rule.origin) if step.rule else None,
                "line": step.rule.origin.line if step.rule else None,
                "mark_before": step.mark_before,
                "mark_after": step.mark_after,
            }
            for step in trace.steps
        ],
    }


def _judgement(trace: PolicyTrace | None, files: Files) -> Json | None:
    if trace is None:
        return None
    return {
        "allowed": trace.allowed,
        "selecting": [{"policy": policy.name, **_origin(policy.origin, files)} for policy in trace.selecting],
        "deciding": _policy(trace.policy, trace.deciding, files) if trace.policy else None,
        "passed": [_policy(policy, rule, files) for policy, rule in trace.passed],
        "reasons": list(trace.reasons),
    }


def _explain_document(outcome: ExplainReport) -> Json:
    files = Files(each.path for each in outcome.inputs)
    return {
        **_head("explain", outcome.answer.value),
        "inputs": _inputs(outcome),
        "notes": list(outcome.notes),
        "nodes": [_story(story, files) for story in outcome.stories],
    }


def _replay_document(outcome: ReplayReport) -> Json:
    inventory, files = Inventory(outcome.cluster), Files(each.path for each in outcome.inputs)
    members = replay_members(outcome, lambda packet: _packet(packet, inventory), lambda trace: _chains(trace, files))
    return {"schema": "chainproof/replay/1", "tool": TOOL, "inputs": _inputs(outcome), **members}


def _layer_document(outcome: LayerReport) -> Json:
    nobody, files = Inventory(Cluster()), Files(each.path for each in outcome.inputs)
    members = layer_members(outcome, lambda packet: _packet(packet, nobody), files)
    return {**_head("layer", outcome.answer.value), "inputs": _inputs(outcome), **members}


def _story(story: Story, files: Files) -> Json:
    told = story.explanation
    inventory = Inventory.of(party.pod for party in (told.source, told.destination))
    return {
        "node": told.node,
        "compiler": story.compiler,
        "path": told.path.value,
        "family": told.packet.family,
        "packet": _packet(told.packet, inventory),
        "source": _party(told.source),
        "destination": _party(told.destination),
        "comparison": told.comparison.value,
        "sentence": told.sentence,
        "must": told.expectation.must.value if told.expectation.must else None,
        "because": told.expectation.because,
        "assumption": told.expectation.assumption or None,
        "deviations": list(told.deviations),
        "trace": {
            "chains": _chains(told.chains, files),
            "ingress": _judgement(told.expectation.ingress, files),
            "egress": _judgement(told.expectation.egress, files),
        },
    }


def _party(party: Party) -> Json:
    return {
        "name": party.name,
        "labels": dict(sorted(party.pod.labels.items())) if party.pod else None,
        "namespace_labels": dict(sorted(party.namespace.labels.items())) if party.namespace else None,
    }


def _profile_document(outcome: ProfileReport) -> Json:
    return {
        "schema": "chainproof/profile/1",
        "tool": TOOL,
        "profiles": [
            {"name": page.name, "summary": page.summary, "deviations": [_premise(each) for each in page.deviations]}
            for page in outcome.profiles
        ],
        "assumptions": [
            {
                "name": each.name,
                "sentence": each.sentence,
                "source": each.source,
                "settings": {"allow": each.allow, "deny": each.deny, "any": "nothing is asked"},
                "default": each.default.value,
            }
            for each in outcome.assumptions
        ],
    }


MODULE = Report("json", "one JSON document for other programs, described by specs/reports.md", render)
