"""The console blocks of a page as one story in one shell, held against what they print."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

from tests.literate import ROOT, Block

NOT_RUN = ("git clone", "cd chainproof", "python3 -m venv", "python -m venv", ". .venv", "pip install", "make test", "make setup", "make check", "make bench", "make fuzz")  # fmt: skip
"""Commands that install this project or run its tests, known by how they begin."""

END = re.compile(r"\s+# (?=exit|kernel)(?:exit (\d+))?(?:, )?(kernel)?$")
SHIM = '#!/bin/sh\nPYTHONPATH="{root}" exec "{python}" -c "from verifier.cli.main import main; main()" "$@"\n'


@dataclass(frozen=True, slots=True)
class Command:
    """A command with what the page says it prints; `line` counts from 1 within the page.

    What a `kernel` command prints holds only where the kernel can be asked.
    """

    text: str
    code: int
    expected: tuple[str, ...]
    line: int
    kernel: bool = False


def commands(block: Block) -> list[Command]:
    """The commands of a console block; a line that ends in a backslash goes on."""
    found: list[Command] = []
    continued = False
    for number, line in enumerate(block.text.splitlines(), block.line + 1):
        if continued:
            found[-1] = replace(found[-1], text=f"{found[-1].text}\n{line}")
        elif line.startswith("$ "):
            found.append(Command(line[2:], 0, (), number))
        elif found:
            found[-1] = replace(found[-1], expected=(*found[-1].expected, line))
        elif line.strip():
            raise ValueError(f"line {number}: output before the first command")
        continued = line.endswith("\\") and bool(found) and not found[-1].expected
    return [_with_code(command) for command in found]


def _with_code(command: Command) -> Command:
    found = END.search(command.text)
    if found is None:
        return command
    code, kernel = int(found.group(1) or 0), found.group(2) is not None
    return replace(command, text=command.text[: found.start()], code=code, kernel=kernel)


def is_run(command: Command) -> bool:
    """Whether the runner runs it, or it would install or test this project again."""
    return not command.text.startswith(NOT_RUN)


def prepare(folder: Path) -> None:
    """A copy of what a reader's commands touch, with `chainproof` as a command."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    shim = folder / ".bin" / "chainproof"
    shim.parent.mkdir()
    shim.write_text(SHIM.format(root=ROOT, python=sys.executable))
    shim.chmod(0o755)


def play(story: list[Command], folder: Path) -> list[tuple[int, str]]:
    """Run the commands in one shell in the folder; returns exit code and output (both streams) of each."""
    mark = f"--{uuid.uuid4().hex}--"
    script = "\n".join(
        f"(exit ${{status:-0}})\n{command.text}\nstatus=$?\nprintf '%s %s\\n' '{mark}' $status" for command in story
    )
    environment = {
        **os.environ,
        "PATH": f"{folder / '.bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SETUP": "",
        "BIN": ".bin",
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "MAKEFLAGS": "--no-print-directory",
    }
    done = subprocess.run(
        ["bash", "-c", script],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, cwd=folder, env=environment, timeout=300, check=False,
    )  # fmt: skip
    parts = re.split(rf"{mark} (\d+)\n", done.stdout)
    return [(int(code), output) for output, code in zip(parts[::2], parts[1::2], strict=False)]


def matches(expected: tuple[str, ...], output: str) -> bool:
    """Whether the output is what the page shows, `...` standing for anything; no output shown: anything."""
    if not expected:
        return True
    shown = [line.rstrip() for line in expected]
    while shown and not shown[-1]:
        shown.pop()
    pattern = "\n".join(
        "(?s:.*?)" if line.strip() == "..." else ".*?".join(map(re.escape, line.split("..."))) for line in shown
    )
    pattern = pattern.replace("\n(?s:.*?)\n", "\n(?s:.*?)")
    printed = "\n".join(line.rstrip() for line in output.splitlines()).rstrip()
    return re.fullmatch(pattern, printed) is not None
