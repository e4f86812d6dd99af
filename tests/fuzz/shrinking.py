"""Makes a disagreement small: one packet, and as few tables, chains, rules, tests, sets and members as still show it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import replace
from itertools import islice
from typing import Any, TypeVar

from tests.fuzz.world import BUILT_IN, SetText, World
from verifier.evidence.kernel.records import Shot
from verifier.model.fields import ConnState
from verifier.model.origin import InputError
from verifier.model.packet import Packet

Thing = TypeVar("Thing")
Item = TypeVar("Item")
Fails = Callable[[World, Shot], bool]
Place = tuple[str, str, int]
Tables = Mapping[str, Mapping[str, tuple[str, ...]]]
WORD = re.compile(r'"(?:\\.|[^"\\])*"|\S+')
HEADS = ("-s", "-d", "-i", "-o", "-p", "-f", "-m", "-j", "-g")
OF_PROTOCOL = ("tcp", "udp", "sctp", "dccp", "udplite", "icmp", "icmp6", "multiport")
"""Matches that only a rule with `-p` can have."""


def shrink(world: World, shot: Shot, fails: Fails, met: Set[Place], most: int = 1500) -> tuple[World, Shot]:
    """The smallest world and packet found within so many tries for which `fails` still holds.

    `met` are the rules that matter most probably, with which alone it is tried first.
    """
    tries = _Tries(fails, most)
    fewer = _only(world, met)
    world = fewer if tries.hold(fewer, shot) else world
    before = None
    while before != (world, shot) and tries.left:
        before = world, shot
        for step in (_unused, _tables, _chains, _rules, _drops, _sets, _tests):
            world = _fixed(world, step, lambda each, one=shot: tries.hold(each, one))  # type: ignore[misc]
        shot = _fixed(shot, _shots, lambda each, one=world: tries.hold(one, each))  # type: ignore[misc]
    return world, shot


def _only(world: World, met: Set[Place]) -> World:
    """The world with nothing but some of its rules."""
    tables = {
        table: {
            chain: tuple(rule for number, rule in enumerate(rules, 1) if (table, chain, number) in met)
            for chain, rules in chains.items()
        }
        for table, chains in world.tables.items()
    }
    return _with(world, tables)


class _Tries:
    """Counts how often the judges were asked."""

    def __init__(self, fails: Fails, most: int) -> None:
        self._fails = fails
        self.left = most

    def hold(self, world: World, shot: Shot) -> bool:
        if not self.left:
            return False
        self.left -= 1
        try:
            return self._fails(world, shot)
        except InputError:
            return False


def _fixed(thing: Thing, smaller: Callable[[Thing], Iterator[Thing]], holds: Callable[[Thing], bool]) -> Thing:
    """Take every smaller thing that holds, once through what can be left out; what failed is not tried again here."""
    passed = 0
    while True:
        later = islice(enumerate(smaller(thing)), passed, None)
        found = next(((number, each) for number, each in later if each != thing and holds(each)), None)
        if found is None:
            return thing
        passed, thing = found


def _tables(world: World) -> Iterator[World]:
    for table in world.tables if len(world.tables) > 1 else ():
        yield _with(world, {name: chains for name, chains in world.tables.items() if name != table})


def _chains(world: World) -> Iterator[World]:
    for table, chains in world.tables.items():
        for chain in chains:
            yield _with(world, {**world.tables, table: _without(chains, chain, table)})


def _rules(world: World) -> Iterator[World]:
    for table, chains in world.tables.items():
        for chain, rules in chains.items():
            for fewer in _fewer(rules):
                yield _with(world, {**world.tables, table: {**chains, chain: fewer}})


def _drops(world: World) -> Iterator[World]:
    for place in world.drops:
        yield replace(world, drops=world.drops - {place}, _read=[])


def _tests(world: World) -> Iterator[World]:
    """With one rule that asks less."""
    for table, chains in world.tables.items():
        for chain, rules in chains.items():
            for number, rule in enumerate(rules):
                for shorter in _shorter(rule):
                    yield with_rule(world, (table, chain, number + 1), shorter)


def with_rule(world: World, place: Place, rule: str) -> World:
    """The world with another rule at a place."""
    table, chain, number = place
    chains = world.tables[table]
    rules = chains[chain]
    changed = (*rules[: number - 1], rule, *rules[number:])
    return _with(world, {**world.tables, table: {**chains, chain: changed}})


def dropping(world: World, place: Place) -> World:
    """The world with a rule that drops whatever it matches."""
    parts = groups(world.tables[place[0]][place[1]][place[2] - 1])
    return with_rule(world, place, _joined([*(part for part in parts if part[0] not in ("-j", "-g")), ["-j", "DROP"]]))


def _with(world: World, tables: Tables) -> World:
    return replace(world, tables=tables, _read=[])


def _without(chains: Mapping[str, tuple[str, ...]], gone: str, table: str) -> dict[str, tuple[str, ...]]:
    """The chains without one, and without the rules that enter it; a built-in chain only loses its rules."""
    enters = re.compile(rf"-[jg] {re.escape(gone)}$")
    kept = {name: tuple(rule for rule in rules if not enters.search(rule)) for name, rules in chains.items()}
    if gone in BUILT_IN[table]:
        return {**chains, gone: ()} if chains[gone] else dict(chains)
    del kept[gone]
    return kept


def _fewer(items: tuple[Item, ...]) -> Iterator[tuple[Item, ...]]:
    """With none, with a half, then without one."""
    half = len(items) // 2
    if half:
        yield ()
    if half > 1:
        yield items[:half]
        yield items[half:]
    for number in range(len(items)):
        yield (*items[:number], *items[number + 1 :])


def _unused(world: World) -> Iterator[World]:
    """Without the sets that nothing asks about."""
    used = world.rules()
    kept = tuple(
        each
        for each in world.sets
        if f"--match-set {each.name} " in used or any(each.name in other.members for other in world.sets)
    )
    if kept != world.sets:
        yield replace(world, sets=kept, _read=[])


def _sets(world: World) -> Iterator[World]:
    for number, each in enumerate(world.sets):
        for fewer in _fewer(each.members):
            yield replace(world, sets=_in_place(world.sets, number, replace(each, members=fewer)), _read=[])
        plain = re.sub(r" (counters|comment|skbinfo|timeout 0|netmask \d+)\b", "", each.options)
        if plain != each.options:
            members = tuple(re.sub(r' (packets \d+ bytes \d+|comment ".*"|timeout 0)', "", m) for m in each.members)
            bare = replace(each, options=plain, members=members)
            yield replace(world, sets=_in_place(world.sets, number, bare), _read=[])


def _in_place(sets: tuple[SetText, ...], number: int, new: SetText) -> tuple[SetText, ...]:
    return (*sets[:number], new, *sets[number + 1 :])


def groups(rule: str) -> list[list[str]]:
    """The words of a rule by the option or match that they belong to."""
    found: list[list[str]] = []
    words = WORD.findall(rule)
    for place, word in enumerate(words):
        inverted = word == "!" and words[place + 1] in HEADS
        if inverted or (word in HEADS and not (found and found[-1] == ["!"])):
            found.append([word])
        else:
            found[-1].append(word)
    return found


def _shorter(rule: str) -> Iterator[str]:
    """The rule without one of its tests, without one option of a match, with a plainer target."""
    parts = groups(rule)
    for number, part in enumerate(parts):
        if part[0] in ("-j", "-g"):
            continue
        rest = [*parts[:number], *parts[number + 1 :]]
        if "-p" in part[:2]:
            yield _joined([p for p in rest if not (p[0] == "-m" and p[1] in OF_PROTOCOL)])
        yield _joined(rest)
        for fewer in _fewer(tuple(_options(part))) if part[0] == "-m" else ():
            if fewer or part[1] in OF_PROTOCOL:
                yield _joined([*parts[:number], [*part[:2], *(w for o in fewer for w in o)], *parts[number + 1 :]])
        if part[0] == "!" and len(part) > 1:
            yield _joined([*parts[:number], part[1:], *parts[number + 1 :]])
    for plain in ("-j DROP", "-j ACCEPT"):
        if parts and parts[-1][0] in ("-j", "-g") and _joined([parts[-1]]) not in ("-j DROP", "-j ACCEPT"):
            yield _joined([*parts[:-1], [plain]])


def _options(part: list[str]) -> list[list[str]]:
    """The options of a match, each with its sign and arguments."""
    found: list[list[str]] = []
    for word in part[2:]:
        if word == "!" or (word.startswith("--") and not (found and found[-1] == ["!"])):
            found.append([word])
        elif found:
            found[-1].append(word)
    return found


def _joined(parts: list[list[str]]) -> str:
    return " ".join(word for part in parts for word in part)


def _shots(shot: Shot) -> Iterator[Shot]:
    """Plainer packets."""
    packet = shot.packet
    plainer: dict[str, Any] = {"mark": 0, "connmark": 0, "state": ConnState.NEW}
    if packet.protocol == 6:
        plainer["tcp_flags"] = 2
    if packet.source_port or packet.destination_port:
        plainer |= {"source_port": 40000, "destination_port": 80}
    if packet.in_interface:
        plainer["in_interface"] = "eth0"
    if packet.out_interface:
        plainer["out_interface"] = "eth1"
    if packet.phys_in or packet.phys_out:
        wires: dict[str, Any] = {
            name: plainer.pop(name) for name in ("in_interface", "out_interface") if name in plainer
        }
        yield replace(shot, packet=_changed(packet, {"phys_in": "", "phys_out": "", "bridged": 0, **wires}))
    for name, value in plainer.items():
        if getattr(packet, name) != value:
            yield replace(shot, packet=_changed(packet, {name: value}))


def _changed(packet: Packet, fields: dict[str, Any]) -> Packet:
    return replace(packet, **fields)
