"""Finding the rules of a long chain that a scene can match, without looking at the others."""

from __future__ import annotations

from verifier.semantics.atoms import Name
from verifier.semantics.line import cells, single
from verifier.semantics.program import ChainKey, CompiledChain, Instruction, Program
from verifier.semantics.scene import Axis, Scene

LONG = 12
"""Chains shorter than this are simply walked."""


class _Table:
    """Rules of one chain by the single address or interface that they name."""

    def __init__(self, chain: CompiledChain) -> None:
        self.by_destination: dict[int, list[int]] = {}
        self.by_source: dict[int, list[int]] = {}
        self.by_incoming: dict[str, list[int]] = {}
        self.by_outgoing: dict[str, list[int]] = {}
        self.others: list[int] = []
        for position, one in enumerate(chain.body):
            self._file(position, one)
        self.all_others = sum(1 << position for position in self.others)
        self.destinations = sum(self.by_destination)
        self.sources = sum(self.by_source)

    def _file(self, position: int, one: Instruction) -> None:
        names = [test for test in one.test.names if not (test.negated or test.prefix or test.port)]
        incoming = next((test.name for test in names if not test.outgoing), None)
        outgoing = next((test.name for test in names if test.outgoing), None)
        if single(one.test.destination):
            self.by_destination.setdefault(one.test.destination, []).append(position)
        elif single(one.test.source):
            self.by_source.setdefault(one.test.source, []).append(position)
        elif incoming is not None:
            self.by_incoming.setdefault(incoming, []).append(position)
        elif outgoing is not None:
            self.by_outgoing.setdefault(outgoing, []).append(position)
        else:
            self.others.append(position)


class Dispatch:
    """Looks up the rules of a chain for a scene, in order; rules left out cannot match."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._tables: dict[ChainKey, _Table] = {}
        self._fitting: dict[tuple[ChainKey, Axis, int], int] = {}

    def rules(self, key: ChainKey, scene: Scene) -> list[Instruction]:
        chain = self._program.chains[key]
        if len(chain.body) < LONG:
            return chain.body
        table = self._tables.get(key)
        if table is None:
            table = self._tables[key] = _Table(chain)
        positions = self._others(key, table, scene)
        _by_mask(positions, table.by_destination, table.destinations, scene.destination)
        _by_mask(positions, table.by_source, table.sources, scene.source)
        _by_name(positions, table.by_incoming, scene.incoming.key)
        _by_name(positions, table.by_outgoing, scene.outgoing.key)
        positions.sort()
        return [chain.body[position] for position in positions]

    def _others(self, key: ChainKey, table: _Table, scene: Scene) -> list[int]:
        """Rules that name neither one address nor one interface, without those that a fixed end rules out."""
        fitting = table.all_others
        if scene.free is not Axis.SOURCE:
            fitting &= self._fit(key, table, Axis.SOURCE, scene.source)
        if scene.free is not Axis.DESTINATION:
            fitting &= self._fit(key, table, Axis.DESTINATION, scene.destination)
        return list(cells(fitting))

    def _fit(self, key: ChainKey, table: _Table, axis: Axis, end: int) -> int:
        at = (key, axis, end)
        found = self._fitting.get(at)
        if found is None:
            body = self._program.chains[key].body
            found = 0
            for position in table.others:
                test = body[position].test
                if end & (test.source if axis is Axis.SOURCE else test.destination):
                    found |= 1 << position
            self._fitting[at] = found
        return found


def _by_mask(out: list[int], filed: dict[int, list[int]], known: int, world: int) -> None:
    if single(world):
        out.extend(filed.get(world, ()))
    elif world & known:
        for mask, positions in filed.items():
            if mask & world:
                out.extend(positions)


def _by_name(out: list[int], filed: dict[str, list[int]], names: tuple[Name, ...]) -> None:
    if not filed:
        return
    if None in names:
        for positions in filed.values():
            out.extend(positions)
        return
    for name in dict.fromkeys(names):
        assert isinstance(name, str)
        out.extend(filed.get(name, ()))
