"""A bug of a compiler: what it takes the world for, and what becomes of what it writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.compilers.dump import Dump
from tests.compilers.styles import STYLES
from tests.compilers.worlds import World


def same_world(world: World) -> World:
    return world


def same_dump(dump: Dump) -> Dump:
    return dump


@dataclass(frozen=True, slots=True)
class Bug:
    """One named fault; `styles` are those in which it is tried, `clauses` those of specs/ that it breaks."""

    name: str
    styles: tuple[str, ...]
    clauses: tuple[str, ...]
    reads: Callable[[World], World] = same_world
    writes: Callable[[Dump], Dump] = same_dump

    def dump(self, style: str, world: World) -> Dump:
        """What the compiler with this bug writes for a world, on the node as it is."""
        taken, compiled = self.reads(world), STYLES[style].compiled
        written, node = compiled(taken.objects, taken.policies), compiled(world.objects, world.policies)
        return self.writes(replace(written, addresses=node.addresses, routes=node.routes))
