"""The process that lives in a namespace of its own: reads requests as lines of JSON, answers each with one line.

Spec: specs/kernel.md
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from verifier.evidence.kernel.injector import Injector
from verifier.evidence.kernel.loading import Loader
from verifier.evidence.kernel.namespace import Namespace, enter
from verifier.evidence.kernel.orders import INPUT_HOOK, OUTPUT_HOOK, Order, Row
from verifier.evidence.kernel.records import Backend, Refused, Stage, Unavailable
from verifier.evidence.kernel.scenery import CONNTRACK_SETTINGS, Scenery
from verifier.evidence.kernel.standins import NO_NAME_IN, NO_NAME_OUT, OTHER
from verifier.evidence.kernel.taps import table
from verifier.model.addresses import address_text

BORROWED = {4: 0xC0000008, 6: 0x100 << 112 | 8}
"""Addresses of a node that has none of its own: 192.0.0.8 and 100::8."""


class Worker:
    """One namespace with its scenery, what is loaded in it, and the means to send packets."""

    def __init__(self, space: Namespace, stage: Stage, backend: Backend) -> None:
        self._backend = backend
        self._addresses = stage.addresses
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
        notes = list(self._loader.load(family, rules, sets))
        if self._loader.dumps[family].masquerades and not any(at[1] == family for at in self._addresses):
            notes.append(self._lend_address(family))
        self._injector.reports.counts = {
            (version, *chain): count
            for version, dump in self._loader.dumps.items()
            for chain, count in dump.chains.items()
        }
        return notes

    def _lend_address(self, family: int) -> str:
        """An address of the node's, which MASQUERADE needs; what is to be said of it."""
        self._addresses += (("lo", family, BORROWED[family], 32 if family == 4 else 128),)
        self._scenery.address(*self._addresses[-1])
        address = address_text(family, BORROWED[family])
        return f"MASQUERADE takes {address}, which is nobody's: the stage has no address of the node's own"

    def ask(self, rows: list[Row]) -> list[tuple[Any, ...]]:
        """Send packets."""
        orders = [self._named(Order(*row)) for row in rows]
        if self._backend is Backend.NFT and not self._positions_known and any(order.trace for order in orders):
            self._injector.reports.rules = self._loader.positions()
            self._positions_known = True
        return [tuple(sight) for sight in self._injector.fire(orders)]

    def _named(self, order: Order) -> Order:
        """The order with an interface wherever every packet has one, and with two ports where it crosses a bridge."""
        if not order.incoming and order.hook != OUTPUT_HOOK:
            self._scenery.add(NO_NAME_IN)
            order = order._replace(incoming=NO_NAME_IN)
        if not order.outgoing and order.hook != INPUT_HOOK:
            self._scenery.add(NO_NAME_OUT)
            order = order._replace(outgoing=NO_NAME_OUT)
        if order.bridged and order.port_in == order.port_out and order.port_in in self._scenery.stand_ins:
            order = order._replace(port_out=order.port_out + OTHER)
        return order


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


def serve(place: str) -> None:
    """Answer requests until there are no more; `place` is a folder of this process alone, which others take away."""
    pin()
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
