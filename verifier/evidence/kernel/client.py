"""The kernel as others ask it: packets sent through real rules in a throw-away namespace, by a process of its own.

Spec: specs/universe.md
"""

from __future__ import annotations

import json
import subprocess
import sys
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
"""How many shots go to the worker at once: it works on some while others are written and read."""
ROOT = Path(__file__).resolve().parents[3]
START = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from verifier.evidence.kernel.worker import serve; serve()"


class Kernel:
    """One namespace with its worker, as a context manager; it ends with the block, and all that is in it.

    Raises Unavailable where the kernel cannot be asked here, in the constructor or later.
    """

    def __init__(self, stage: Stage, backend: Backend) -> None:
        self.backend = backend
        self._chains: dict[int, tuple[tuple[str, str], ...]] = {}
        command = [sys.executable, "-P", "-S", "-c", START]
        self._worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
        try:
            self._call("stage", (stage.interfaces, stage.bridges, stage.addresses), backend.value)
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
        """End the worker and its namespace."""
        worker = self._worker
        for pipe in (worker.stdin, worker.stdout):
            if pipe is not None:
                pipe.close()
        worker.wait()

    def load(self, family: int, rules: str, sets: str) -> Loaded:
        """Replace the rules of a family (iptables-save text) and the sets (ipset save text, of both families).

        Sets that differ from those loaded before take the rules of both families with them. Raises Refused with the
        tool's message and the line.
        """
        notes = self._call("load", family, rules, sets)
        self._chains[family] = tuple(read_dump(rules).chains)
        return Loaded(tuple(notes))

    def ask(self, shots: Sequence[Shot]) -> list[Seen]:
        """What becomes of each packet. None influences another, but rules that count (limit, recent) do count all."""
        chunks = [shots[first : first + CHUNK] for first in range(0, len(shots), CHUNK)]
        writing = Thread(target=self._write_all, args=(chunks,), daemon=True)
        writing.start()
        answers: list[Seen] = []
        for chunk in chunks:
            rows = self._answer()
            answers += [
                seen(row, self._chains.get(shot.packet.family, ())) for shot, row in zip(chunk, rows, strict=True)
            ]
        writing.join()
        return answers

    def _write_all(self, chunks: Sequence[Sequence[Shot]]) -> None:
        for chunk in chunks:
            try:
                self._write("ask", [order_row(shot) for shot in chunk])
            except BrokenPipeError:  # whoever reads the answers sees that the worker has ended
                return

    def _call(self, what: str, *given: Any) -> Any:
        try:
            self._write(what, *given)
        except BrokenPipeError:
            return self._answer()
        return self._answer()

    def _write(self, what: str, *given: Any) -> None:
        assert self._worker.stdin is not None
        self._worker.stdin.write(json.dumps((what, *given), separators=(",", ":")) + "\n")
        self._worker.stdin.flush()

    def _answer(self) -> Any:
        assert self._worker.stdout is not None
        line = self._worker.stdout.readline()
        if not line:
            raise RuntimeError(f"the process that asks the kernel ended with status {self._worker.wait()}")
        kind, answer = json.loads(line)
        if kind != "ok":
            raise {"Unavailable": Unavailable, "Refused": Refused}[kind](answer)
        return answer


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
        return f"{backend.value}: a packet through an empty table was not seen as it must be ({answer.reason})"
    return ""
