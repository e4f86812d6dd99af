"""The process that lives in a namespace of its own: reads requests as lines of JSON, answers each with one line.

Spec: specs/universe.md
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from verifier.evidence.kernel.injector import Injector
from verifier.evidence.kernel.loading import Loader
from verifier.evidence.kernel.namespace import Namespace, enter
from verifier.evidence.kernel.orders import Order, Row
from verifier.evidence.kernel.records import Backend, Refused, Stage, Unavailable
from verifier.evidence.kernel.scenery import CONNTRACK_SETTINGS, Scenery
from verifier.evidence.kernel.taps import table


class Worker:
    """One namespace with its scenery, what is loaded in it, and the means to send packets."""

    def __init__(self, space: Namespace, stage: Stage, backend: Backend) -> None:
        self._backend = backend
        self._loader = Loader(space, backend)
        self._scenery = Scenery(space, stage)
        space.must("nft", "-f", "-", text=table())
        for setting in CONNTRACK_SETTINGS:
            space.setting(*setting)
        self._injector = Injector(space, self._scenery, self._loader.dumps)
        self._positions_known = False

    def load(self, family: int, rules: str, sets: str) -> list[str]:
        """Load a dump; the notes."""
        self._positions_known = False
        self._loader.load(family, rules, sets)
        self._injector.reports.counts = {
            (version, *chain): count
            for version, dump in self._loader.dumps.items()
            for chain, count in dump.chains.items()
        }
        return []

    def ask(self, rows: list[Row]) -> list[tuple[Any, ...]]:
        """Send packets."""
        orders = [Order(*row) for row in rows]
        if self._backend is Backend.NFT and not self._positions_known and any(order.trace for order in orders):
            self._injector.reports.rules = self._loader.positions()
            self._positions_known = True
        return [tuple(sight) for sight in self._injector.fire(orders)]


class Server:
    """Answers requests: the first makes the namespace, the others are for the worker in it."""

    def __init__(self, place: Path) -> None:
        self._lock = str(place / "xtables.lock")
        self._worker: Worker | None = None

    def answer(self, what: str, given: list[Any]) -> Any:
        """What a request gives."""
        if what == "stage":
            stage, backend = given
            self._worker = Worker(enter(self._lock), _stage(stage), Backend(backend))
            return None
        assert self._worker is not None
        return self._worker.load(*given) if what == "load" else self._worker.ask(*given)


def serve() -> None:
    """Answer requests until there are no more."""
    pin()
    with tempfile.TemporaryDirectory(prefix="chainproof-") as place:
        server = Server(Path(place))
        for line in sys.stdin:
            what, *given = json.loads(line)
            try:
                told = ["ok", server.answer(what, given)]
            except (Unavailable, Refused) as error:
                told = [type(error).__name__, str(error)]
            sys.stdout.write(json.dumps(told, separators=(",", ":")) + "\n")
            sys.stdout.flush()


def pin() -> None:
    """Stay on one processor, so that what a packet sets off is done before the call that sends it returns."""
    processors = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {processors[os.getpid() % len(processors)]})


def _stage(row: Row) -> Stage:
    interfaces, bridges, addresses = row
    return Stage(
        tuple(interfaces),
        tuple((name, tuple(ports)) for name, ports in bridges),
        tuple((name, family, address, length) for name, family, address, length in addresses),
    )
