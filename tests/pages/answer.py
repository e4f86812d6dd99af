"""What `chainproof verify` says about a world, held against an answer block."""

from __future__ import annotations

import io
import json
import shlex
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from tests.pages.lines import PacketLine, parse_line
from verifier.model.addresses import address_text
from verifier.model.cluster import Cluster
from verifier.model.fields import ICMP, ICMPV6, PROTOCOL_NAMES, TCP, has_ports
from verifier.model.packet import Packet

EXIT_CODES = {"proved": 0, "refuted": 1, "undecided": 3}


@dataclass(slots=True)
class Expected:
    """One finding that must exist, or must not: its kind, path and packet as far as given, and the texts in it."""

    present: bool
    kind: str
    path: str = ""
    packet: PacketLine | None = None
    texts: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Run:
    """What a command printed and its exit code."""

    code: int
    output: str
    errors: str


def run(*arguments: str) -> Run:
    """Run chainproof within this process."""
    from verifier.cli.main import run as command

    output, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(output), redirect_stderr(errors):
        code = command(list(arguments))
    return Run(int(code), output.getvalue(), errors.getvalue())


def check_answer(text: str, options: str, snapshot: Path, cluster: Cluster) -> list[str]:
    """Run verify on the snapshot; returns what differs from the block, [] where nothing does."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    done = run("verify", str(snapshot), "--format", "json", *shlex.split(options))
    if done.code not in EXIT_CODES.values():
        return [f"exit code {done.code}: {done.errors or done.output}"]
    report = json.loads(done.output)
    faults = []
    if report["answer"] != lines[0]:
        faults.append(f"expected {lines[0]}, got {report['answer']}: {_summary(report)}")
    if EXIT_CODES[report["answer"]] != done.code:
        faults.append(f"exit code {done.code} with answer {report['answer']}")
    findings = [finding for node in report["nodes"] for finding in node["findings"]]
    faults += [fault for line in lines[1:] if (fault := _check_whole(line, report, findings))]
    faults += [fault for line in lines[1:] if (fault := _check_ambiguous(line, report, cluster))]
    for expected in expectations(lines[1:]):
        matching = [finding for finding in findings if matches(expected, finding, cluster)]
        if bool(matching) is not expected.present:
            faults.append(f"{'no finding' if expected.present else 'a finding'} like {expected}; {_summary(report)}")
    return faults


def _summary(report: Mapping[str, Any]) -> str:
    return json.dumps(
        [
            [
                [
                    finding["kind"],
                    finding["path"],
                    finding["cause"],
                    finding["root_cause"]["sentence"],
                    finding["region"],
                ]
                for finding in node["findings"]
            ]
            + [question.get("reasons") for question in node["questions"] if question["answer"] == "undecided"]
            for node in report["nodes"]
        ]
    )[:4000]


def _check_whole(line: str, report: Mapping[str, Any], findings: list[dict[str, Any]]) -> str:
    """Lines about the whole report; "" where the line holds or is about one finding."""
    words = shlex.split(line)
    if words[0] == "findings" and len(findings) != int(words[1]):
        return f"expected {words[1]} findings, got {len(findings)}: {_summary(report)}"
    if words[0] == "family":
        asked = {str(each["family"]): each["answer"] for node in report["nodes"] for each in node["families"]}
        if asked.get(words[1], "not asked") != " ".join(words[2:]):
            return f"expected {line!r}, got {asked}"
    if words[0] == "rests":
        rests = sorted({each["name"] for node in report["nodes"] for each in node["assumptions"]})
        if rests != sorted(words[2:]):
            return f"expected to rest on {sorted(words[2:])}, it rests on {rests}"
    if words[0] == "because" and words[1] not in json.dumps(report, ensure_ascii=False):
        return f"nothing in the report contains {words[1]!r}: {_summary(report)}"
    return ""


def _check_ambiguous(line: str, report: Mapping[str, Any], cluster: Cluster) -> str:
    """Lines about ambiguities of a direction; "" where the line holds or is about something else."""
    words = shlex.split(line)
    present = words[0] != "no"
    words = words if present else words[1:]
    if words[0] != "ambiguous":
        return ""
    found = [each for each in report.get("ambiguities", ()) if words[1:2] in ([], [each["direction"]])]
    if "->" in words:
        packet = parse_line(line)
        found = [each for each in found if any(_in_box(packet, box, each, cluster) for box in each["region"])]
    if bool(found) is present:
        return ""
    return f"{'no ambiguity' if present else 'an ambiguity'} like {line!r}: {report.get('ambiguities', ())}"


def expectations(lines: list[str]) -> list[Expected]:
    """The findings that lines of a block ask for."""
    found: list[Expected] = []
    for line in lines:
        words = shlex.split(line)
        if words[0] in ("findings", "because", "rests", "family", "ambiguous") or words[:2] == ["no", "ambiguous"]:
            continue
        if len(words) == 3 and words[1] == "contains":
            found[-1].texts.append((words[0], words[2]))
            continue
        present = words[0] != "no"
        if not present:
            words = words[1:]
        if words[0] not in ("leak", "blocked"):
            raise ValueError(f"expected leak or blocked, found {line!r}")
        packet = parse_line(line) if "->" in words else None
        found.append(Expected(present, words[0], words[1] if len(words) > 1 else "", packet))
    return found


def matches(expected: Expected, finding: Mapping[str, Any], cluster: Cluster) -> bool:
    """Whether a finding of the JSON report is as expected."""
    if finding["kind"] != expected.kind or (expected.path and finding["path"] != expected.path):
        return False
    if expected.packet and not any(_in_box(expected.packet, box, finding, cluster) for box in finding["region"]):
        return False
    parts = {"cause": "cause", "policy": "policies", "rule": "rules", "why": "root_cause"}
    return all(text in json.dumps(finding[parts[part]], ensure_ascii=False) for part, text in expected.texts)


def _in_box(line: PacketLine, box: Mapping[str, Any], finding: Mapping[str, Any], cluster: Cluster) -> bool:
    packet = line.packet(cluster)
    if packet.family != finding["family"]:
        return False
    ends = (("source", packet.source), ("destination", packet.destination))
    for name, value in ends:
        address = ip_address(address_text(packet.family, value))
        if not any(address in ip_network(network) for network in box[name]):
            return False
    if box["protocol"] not in ("any", PROTOCOL_NAMES.get(packet.protocol), str(packet.protocol), packet.protocol):
        return False
    if packet.state.name not in box["state"] or not _in_fields(line, packet, box) or not _sent_so(packet, box):
        return False
    ports = (("source_ports", line.source[1]), ("destination_ports", line.destination[1]))
    return not has_ports(packet.protocol) or all(
        port is None or any(first <= port <= last for first, last in box[name]) for name, port in ports
    )


def _sent_so(packet: Packet, box: Mapping[str, Any]) -> bool:
    """Whether the box speaks of packets that were sent to where this one was."""
    if packet.original is None:
        return "sent_to" not in box
    address, port = packet.original
    sent = ip_address(address_text(packet.family, address))
    return any(
        any(sent in ip_network(network) for network in each["destination"])
        and any(first <= port <= last for first, last in each["destination_ports"])
        for each in box.get("sent_to", ())
    )


def _in_fields(line: PacketLine, packet: Packet, box: Mapping[str, Any]) -> bool:
    """The fields that a box names only where they matter; those that the line does not give may have any value."""
    given = line.options
    codes = box.get("icmp", [[0, 65535]]) if packet.protocol in (ICMP, ICMPV6) and "icmp" in given else [[0, 65535]]
    if not any(first <= packet.icmp <= last for first, last in codes):
        return False
    if packet.protocol == TCP and "flags" in given and packet.tcp_flags not in box.get("tcp_flags", range(256)):
        return False
    if "ctstatus" in given and packet.ct_status not in box.get("ct_status", range(4)):
        return False
    ways = (("in", "in_interfaces"), ("out", "out_interfaces"))
    return all(option not in given or name not in box or given[option] in box[name] for option, name in ways)
