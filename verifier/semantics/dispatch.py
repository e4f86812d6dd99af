"""Finding the rules of a long chain that a scene can match, without looking at the others."""

from __future__ import annotations

from verifier.semantics.atoms import Name
from verifier.semantics.line import single
from verifier.semantics.program import ChainKey, CompiledChain, Instruction, Program
from verifier.semantics.scene import Scene

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

    def rules(self, key: ChainKey, scene: Scene) -> list[Instruction]:
        chain = self._program.chains[key]
        if len(chain.body) < LONG:
            return chain.body
        table = self._tables.get(key)
        if table is None:
            table = self._tables[key] = _Table(chain)
        positions = list(table.others)
        _by_mask(positions, table.by_destination, table.destinations, scene.destination)
        _by_mask(positions, table.by_source, table.sources, scene.source)
        _by_name(positions, table.by_incoming, scene.incoming.key)
        _by_name(positions, table.by_outgoing, scene.outgoing.key)
        positions.sort()
        return [chain.body[position] for position in positions]


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
