"""What the real kernel makes of a page's packets, held against an answer block."""

from __future__ import annotations

import json
import shlex
from functools import cache
from pathlib import Path

from tests.pages.answer import run
from verifier.evidence.kernel.client import unavailable
from verifier.model.replay import Backend


@cache
def missing(options: str) -> str:
    """Why the kernel cannot be asked in the way of a block, "" where it can."""
    words = shlex.split(options)
    named = words[words.index("--backend") + 1] if "--backend" in words else ""
    wanted = list(Backend) if named in ("", "both") else [Backend(named)]
    return next((reason for backend in wanted if (reason := unavailable(backend))), "")


def check_replay(text: str, options: str, folder: Path) -> tuple[int, list[str]]:
    """Replay in the manner of the block's options; how many packets are confirmed, and what differs from the block."""
    words = shlex.split(options)
    command = words[:1] if words[:1] == ["verify"] else ["replay"]
    command += [str(folder), *(["--replay"] if command == ["verify"] else [])]
    command += words[1:] if words[:1] == ["verify"] else words
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    shown = run(*command)
    said = " ".join((shown.output + shown.errors).split())
    if shown.code not in (0, 1, 3, 4) or not shown.output:
        return 0, [f"exit code {shown.code}: {shown.errors}"]
    report = json.loads(run(*command, "--format", "json").output)
    key = "replay" if words[:1] == ["verify"] else "kernel"
    each = [one for node in report["nodes"] for one in node.get("packets") or node.get("findings", [])]
    packets = [one[key] if key == "replay" else {"outcome": one["outcome"], "kernel": one["kernel"]} for one in each]
    faults = []
    for line in lines:
        word, _, rest = line.partition(" ")
        match word:
            case "exit" if shown.code != int(rest):
                faults.append(f"exit code {shown.code}, expected {rest}: {said}")
            case "says" if json.loads(rest) not in said:
                faults.append(f"it does not say {rest}: {said}")
            case "confirmed" | "not-confirmed" | "not-replayed":
                found = sum(one["outcome"] == word for one in packets)
                if found != int(rest):
                    faults.append(f"{found} packets are {word}, expected {rest}: {said}")
            case "exit" | "says":
                pass
            case _:
                faults.append(f"{word!r} is no word of this block")
    return sum(one["outcome"] == "confirmed" for one in packets), faults
