"""Whole random rulesets: every table, chains that call and go to later ones, rules over the whole vocabulary."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.fuzz.jumping import jump
from tests.fuzz.matching import Place, Test, tests
from tests.fuzz.members import Aim, Known, sets
from tests.fuzz.pool import Pool
from tests.fuzz.world import BUILT_IN, World

TABLES = {"raw": 0.4, "mangle": 0.5, "nat": 0.4, "filter": 1.0, "security": 0.06}
"""The tables with how often a world has them."""
GROUPS = {
    "raw": (("PREROUTING", "OUTPUT"),),
    "mangle": (("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),),
    "nat": (("PREROUTING", "OUTPUT"), ("POSTROUTING",)),
    "filter": (("INPUT", "FORWARD", "OUTPUT"),),
    "security": (("INPUT", "FORWARD", "OUTPUT"),),
}
"""Hooks whose rules share user chains."""
LONGEST = 6


@dataclass(frozen=True, slots=True)
class Drawn:
    """A random world with what its packets are aimed at: the aims of every rule, those at members of sets, the sets."""

    world: World
    pool: Pool
    aims: tuple[tuple[Aim, ...], ...]
    memberships: tuple[Aim, ...]
    known: Known


def draw(seed: str, *, rare: bool = False) -> Drawn:
    """The world of a seed; with `rare` it may hold sets of types that not every kernel has."""
    choose = random.Random(seed)
    family = choose.choice((4, 4, 6))
    pool = Pool(choose, family)
    known = sets(pool, rare=rare)
    writer = _Writer(pool, known)
    tables = {table: writer.table(table) for table, share in TABLES.items() if pool.chance(share)}
    if pool.chance(0.4):
        _probe(pool, tables)
    drops = frozenset(
        (table, chain)
        for table in tables
        for chain in BUILT_IN[table]
        if table != "nat" and pool.chance(0.2 if table == "filter" else 0.03)
    )
    world = World(family, tables, drops, tuple(known.texts))
    aims = tuple(writer.aims)
    memberships = tuple(aim for each in aims for aim in each if aim.field == "member")
    return Drawn(world, pool, aims, memberships, known)


def _probe(pool: Pool, tables: dict[str, dict[str, tuple[str, ...]]]) -> None:
    """Drop by the mark that packets have at the end: a wrong mark becomes a wrong verdict for whoever tells no marks."""
    chains = tables.setdefault("mangle", {})
    for hook in ("POSTROUTING", "INPUT"):
        mask = pool.mask()
        probe = f"-m mark --mark {pool.mark() & mask:#x}/{mask:#x} -j DROP"
        chains[hook] = (*chains.get(hook, ()), probe)


class _Writer:
    """Writes the chains of a world, later chains first, so that every chain that is called is there."""

    def __init__(self, pool: Pool, known: Known) -> None:
        self.pool = pool
        self.known = known
        self.aims: list[tuple[Aim, ...]] = []

    def table(self, table: str) -> dict[str, tuple[str, ...]]:
        chains: dict[str, tuple[str, ...]] = {}
        for place, hooks in enumerate(GROUPS[table]):
            chains |= self._group(table, hooks, f"{'cd'[place]}")
        return chains

    def _group(self, table: str, hooks: tuple[str, ...], prefix: str) -> dict[str, tuple[str, ...]]:
        """The built-in chains of a group and the user chains below them."""
        count = self.pool.choose.randint(0, 5 if table == "filter" else 3)
        names = [f"{prefix}{number}" for number in range(count)]
        built: dict[str, tuple[str, ...]] = {}
        for number, name in enumerate(names):
            built[name] = self._rules(Place(table, name, frozenset(hooks)), names[number + 1 :])
        for hook in hooks:
            if hook in BUILT_IN[table]:
                built[hook] = self._rules(Place(table, hook, frozenset((hook,))), names)
        return built

    def _rules(self, place: Place, callees: list[str]) -> tuple[str, ...]:
        most = LONGEST if place.chain in ("FORWARD", "c0") or place.table == "filter" else 3
        return tuple(self._rule(place, callees) for _ in range(self.pool.choose.randint(0, most)))

    def _rule(self, place: Place, callees: list[str]) -> str:
        """A rule behind its `-A CHAIN`."""
        found = jump(self.pool, place, callees)
        written = tests(self.pool, place, self.known, 3)
        if found.needs:
            written = [test for test in written if test.kind != "-p"]
            number = {"tcp": 6, "udp": 17, "sctp": 132}[found.needs]
            written.insert(0, Test(f"-p {found.needs}", (Aim("protocol", number, number),), "-p"))
        hook = (Aim("hook", text=place.chain),) if place.chain in ("INPUT", "OUTPUT") else ()
        self.aims.append((*hook, *(aim for test in written for aim in test.aims)))
        return " ".join(filter(None, (*(test.text for test in written), found.text)))
