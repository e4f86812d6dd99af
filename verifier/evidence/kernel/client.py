"""The kernel as others ask it: packets sent through real rules in a throw-away namespace, by a process of its own.

Spec: specs/kernel.md
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self

from verifier.evidence.kernel.dump import read_dump
from verifier.evidence.kernel.orders import order_row, seen
from verifier.evidence.kernel.records import Backend, Loaded, Refused, Seen, Shot, Stage, Unavailable
from verifier.model.effect import Verdict
from verifier.model.packet import Packet
from verifier.model.path import Path as Way

CHUNK = 256
"""How many shots go to a worker at once."""
ROOT = Path(__file__).resolve().parents[3]
START = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from verifier.evidence.kernel.worker import serve; serve(sys.argv[1])"


class Process:
    """A worker in its own namespace: what is asked and answered, in order."""

    def __init__(self) -> None:
        self._place = tempfile.TemporaryDirectory(prefix="chainproof-")
        command = [sys.executable, "-P", "-S", "-c", START, self._place.name]
        self._process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    def close(self) -> None:
        """End the process, and with it the namespace."""
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):  # what a process that has ended was not told is lost
                if pipe is not None:
                    pipe.close()
        self._process.wait()
        self._place.cleanup()

    def ask(self, what: str, *given: Any) -> None:
        """Send a request; a process that has ended is noticed when its answer is read."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps((what, *given), separators=(",", ":")) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return

    def answer(self) -> Any:
        """The answer to the first request that has none yet, or the exception that it gives instead."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            return Unavailable(f"the process that asks the kernel ended with status {self._process.wait()}")
        kind, answer = json.loads(line)
        return answer if kind == "ok" else {"Unavailable": Unavailable, "Refused": Refused}[kind](answer)


class Kernel:
    """One namespace with its worker, or several alike, as a context manager; they end with the block, with all in them.

    Raises Unavailable where the kernel cannot be asked here, in the constructor or later.
    """

    def __init__(self, stage: Stage, backend: Backend, workers: int = 1) -> None:
        if sys.platform != "linux":
            raise Unavailable("only Linux has the kernel that is asked about")
        self.backend = backend
        self._chains: dict[int, tuple[tuple[str, str], ...]] = {}
        self._workers: list[Process] = []
        try:
            self._workers += [Process() for _ in range(workers)]
            self._all("stage", (stage.interfaces, stage.bridges, stage.addresses), backend.value)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the workers and their namespaces."""
        for worker in self._workers:
            worker.close()

    def load(self, family: int, rules: str, sets: str) -> Loaded:
        """Replace the rules of a family (iptables-save text) and the sets (ipset save text, of both families).

        Sets that differ from those loaded before take the rules of both families with them. Raises Refused with the
        tool's message and the line; what was loaded before is then gone.
        """
        self._chains.pop(family, None)
        notes = self._all("load", family, rules, sets)
        self._chains[family] = tuple(read_dump(rules).chains)
        return Loaded(tuple(notes))

    def ask(self, shots: Sequence[Shot]) -> list[Seen]:
        """What becomes of each packet. None influences another, but rules that count (limit, recent) do count all."""
        chunks = [shots[first : first + CHUNK] for first in range(0, len(shots), CHUNK)]
        crew = len(self._workers)
        writing = [Thread(target=_ask, args=(worker, chunks[at::crew])) for at, worker in enumerate(self._workers)]
        for thread in writing:
            thread.start()
        told = [self._workers[at % crew].answer() for at in range(len(chunks))]
        for thread in writing:
            thread.join()
        rows = (row for each in _good(told) for row in each)
        return [seen(row, self._chains.get(shot.packet.family, ())) for shot, row in zip(shots, rows, strict=True)]

    def _all(self, what: str, *given: Any) -> Any:
        """Ask all workers the same; what the last answers, as the others do."""
        for worker in self._workers:
            worker.ask(what, *given)
        return _good([worker.answer() for worker in self._workers])[-1]


def _good(answers: list[Any]) -> list[Any]:
    """Answers, all of which were waited for, provided that none is an exception."""
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


def _ask(worker: Process, chunks: Sequence[Sequence[Shot]]) -> None:
    """Give a worker its packets: it works on some while others are written and read."""
    for chunk in chunks:
        worker.ask("ask", [order_row(shot) for shot in chunk])


NOT_SEEN = "a packet through an empty table was not seen as it must be"
EMPTY = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"


@cache
def unavailable(backend: Backend) -> str:
    """Why the kernel cannot be asked here, "" where it can: one packet is sent through an empty table."""
    packet = Packet(4, 0x0A000001, 0x0A000002, 17, 1, 2, in_interface="in0", out_interface="out0")
    try:
        with Kernel(Stage(("in0", "out0")), backend) as kernel:
            kernel.load(4, EMPTY, "")
            (answer,) = kernel.ask([Shot(packet, Way.POD_TO_POD)])
    except (Unavailable, Refused) as error:
        return str(error)
    if answer.verdict is not Verdict.DROP or not answer.steps:
        return f"{backend.value}: {NOT_SEEN} ({answer.reason})"
    return ""
