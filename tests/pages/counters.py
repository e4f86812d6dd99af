"""What `chainproof explain --before --after` says of two readings of counters, held against an answer block."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from tests.pages.answer import EXIT_CODES, run


def check_counters(text: str, options: str, folder: Path) -> list[str]:
    """Explain the counters beside the snapshot in the folder; returns what differs from the block."""
    words = shlex.split(options)
    given = [str(folder)] if words[:1] == ["snapshot"] else []
    command = ["explain", *given, "--before", str(folder / "before"), "--after", str(folder / "after")]
    command += words[len(given) :]
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    shown = run(*command)
    code = 2 if lines[0] == "error" else EXIT_CODES[lines[0]]
    if shown.code != code:
        return [f"expected {lines[0]}, got exit code {shown.code}: {shown.errors or shown.output}"]
    said = " ".join((shown.output + shown.errors).split())
    ways: list[dict[str, Any]] = []
    if code != 2:
        ways = json.loads(run(*command, "--format", "json").output)["ways"]
    faults = []
    for line in lines[1:]:
        word, _, rest = line.partition(" ")
        if word == "says" and json.loads(rest) not in said:
            faults.append(f"it does not say {rest}: {said}")
        if word == "ways" and len(ways) != int(rest):
            faults.append(f"expected {rest} ways: {list(map(_spelled, ways))}")
        if word == "way" and rest not in map(_spelled, ways):
            faults.append(f"no way {rest}: {list(map(_spelled, ways))}")
    return faults


def _spelled(way: dict[str, Any]) -> str:
    least, most = way["least"], way["most"]
    many = str(most) if least == most else f"{least}-{most}"
    rules = " ".join(f"{rule['chain']}#{rule['number']}" for rule in way["rules"])
    return f"{many} {way['verdict'] or 'unknown'} {rules}"
