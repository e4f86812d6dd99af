"""Time and memory of one whole process, as the kernel accounts for it."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHAINPROOF = (sys.executable, "-c", "from verifier.cli.main import main; main()")


@dataclass(frozen=True, slots=True)
class Cost:
    """Wall and processor seconds, peak resident mebibytes, exit code and what was printed."""

    wall: float
    cpu: float
    memory: float
    code: int
    output: str


def once(command: Sequence[str]) -> Cost:
    """Run a command to its end."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
    )
    assert process.stdout is not None
    output = process.stdout.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, process.returncode, output)


def median(command: Sequence[str], runs: int) -> Cost:
    """The median of several runs, each figure on its own; exit code and output of the last."""
    costs = [once(command) for _ in range(runs)]
    wall, cpu, memory = (statistics.median(getattr(c, name) for c in costs) for name in ("wall", "cpu", "memory"))
    return Cost(wall, cpu, memory, costs[-1].code, costs[-1].output)
