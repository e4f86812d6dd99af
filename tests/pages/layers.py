"""What `chainproof verify --layer policies` says about two sets of policies, held against an answer block."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from tests.pages.answer import EXIT_CODES, run


def check_layers(text: str, options: str, folder: Path) -> list[str]:
    """Compare the sets of a section; returns what differs from the block."""
    policies = next(path for path in sorted((folder / "cluster").iterdir()) if path.stem == "policies")
    command = ["verify", "--layer", "policies", str(policies), str(folder / "translation.yaml"), *shlex.split(options)]
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    shown = run(*command)
    said = " ".join((shown.output + shown.errors).split())
    if lines[0] == "error":
        faults = [] if shown.code == 2 else [f"exit code {shown.code}: {said}"]
        return faults + [
            f"it does not say {line[5:]}: {said}" for line in lines[1:] if json.loads(line[5:]) not in said
        ]
    if shown.code not in EXIT_CODES.values():
        return [f"exit code {shown.code}: {said}"]
    report = json.loads(run(*command, "--format", "json").output)
    wrong = report["answer"] != lines[0] or EXIT_CODES[report["answer"]] != shown.code
    faults = [f"expected {lines[0]}, got {report['answer']} and exit code {shown.code}: {said}"] if wrong else []
    return faults + [fault for line in lines[1:] if (fault := _check(line, report, said))] + _alone(lines, report)


def _check(line: str, report: dict[str, Any], said: str) -> str:
    words = shlex.split(line)
    findings = [*report["findings"], *(each for pair in report["pairs"] for each in pair["findings"])]
    match words:
        case ["together", answer]:
            holds = report["together"] == answer
        case ["pair", name, answer]:
            holds = [each["answer"] for each in report["pairs"] if each["policy"]["name"] == name] == [answer]
        case ["findings", number]:
            holds = len(findings) == int(number)
        case ["no", kind, *directions]:
            holds = not any(
                each["kind"] == kind and each["direction"] in (directions or DIRECTIONS) for each in findings
            )
        case ["leak" | "blocked" as kind, direction, *texts]:
            told = [json.dumps(each) for each in findings if (each["kind"], each["direction"]) == (kind, direction)]
            holds = any(all(text in each for text in texts) for each in told)
        case ["rests", "on", *names]:
            holds = [each["name"] for each in report["assumptions"]] == sorted(names)
        case ["says", wanted]:
            holds = wanted in said
        case ["missing" | "surplus", _]:
            return ""
        case _:
            return f"{line!r} is no line of this block"
    return "" if holds else f"{line!r} does not hold: {said}"


def _alone(lines: list[str], report: dict[str, Any]) -> list[str]:
    faults = []
    for word in ("missing", "surplus"):
        names = [line.split()[1] for line in lines if line.startswith(f"{word} ")]
        found = [each["name"] for each in report[word]]
        if names and sorted(names) != sorted(found):
            faults.append(f"expected {word} {names}, got {found}")
    return faults


DIRECTIONS = ("ingress", "egress")
