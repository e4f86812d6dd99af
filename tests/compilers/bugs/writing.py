"""What is written, changed everywhere in the same way: rules of chains, members of sets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from tests.compilers.dump import Dump

Writing = Callable[[Dump], Dump]
BOTH = (4, 6)
STALE = {4: "10.0.1.99", 6: "fd01:0:0:1::99"}
"""Addresses that pods had once."""


def by_chain(chains: str, change: Callable[[list[str]], Iterable[str]], families: tuple[int, ...] = BOTH) -> Writing:
    """The rules of every chain whose name matches, each without `-A CHAIN`."""

    def writes(dump: Dump) -> Dump:
        changed = {
            family: tuple(_changed(lines, chains, change)) if family in families else lines
            for family, lines in dump.rules.items()
        }
        return replace(dump, rules=changed)

    return writes


def _changed(lines: tuple[str, ...], chains: str, change: Callable[[list[str]], Iterable[str]]) -> Iterable[str]:
    waiting: list[str] = []
    current = ""
    for line in (*lines, ""):
        words = line.split(" ", 2)
        chain = words[1] if words[0] == "-A" else ""
        if chain != current and current:
            yield from (f"-A {current} {rule}" for rule in change(waiting))
            waiting, current = [], ""
        if chain and re.fullmatch(chains, chain):
            current = chain
            waiting.append(words[2])
        elif line:
            yield line


def without(chains: str, pattern: str, families: tuple[int, ...] = BOTH) -> Writing:
    """The rules that match are not written."""
    return by_chain(chains, lambda rules: [rule for rule in rules if not re.search(pattern, rule)], families)


def replaced(
    chains: str, pattern: str, new: str | Callable[[re.Match[str]], str], families: tuple[int, ...] = BOTH
) -> Writing:
    """In every rule the pattern is something else."""
    return by_chain(chains, lambda rules: [re.sub(pattern, new, rule) for rule in rules], families)


def early(chains: str, pattern: str, before: str) -> Writing:
    """The rules that match stand before the first that matches `before`."""

    def change(rules: list[str]) -> list[str]:
        moved = [rule for rule in rules if re.search(pattern, rule)]
        rest = [rule for rule in rules if rule not in moved]
        place = next((at for at, rule in enumerate(rest) if re.search(before, rule)), len(rest))
        return [*rest[:place], *moved, *rest[place:]]

    return by_chain(chains, change)


def inserted(chains: str, rule: str, before: str) -> Writing:
    """A rule more stands before the first that matches, where one does."""

    def change(rules: list[str]) -> list[str]:
        place = next((at for at, each in enumerate(rules) if re.search(before, each)), None)
        return rules if place is None else [*rules[:place], rule, *rules[place:]]

    return by_chain(chains, change)


def exchanged(chains: str, pattern: str = "") -> Writing:
    """Sets are tested at the other end, in the rules that match."""

    def change(rules: list[str]) -> list[str]:
        return [_turned(rule) if re.search(pattern, rule) else rule for rule in rules]

    return by_chain(chains, change)


def _turned(rule: str) -> str:
    ends = {"src": "dst", "dst": "src"}
    return re.sub(r"(--match-set \S+) (src|dst)(?= )", lambda found: f"{found[1]} {ends[found[2]]}", rule)


def policy_of(chain: str, policy: str) -> Writing:
    """The policy of a built-in chain."""

    def writes(dump: Dump) -> Dump:
        head = {
            family: tuple(re.sub(rf"^:{chain} ACCEPT", f":{chain} {policy}", line) for line in lines)
            for family, lines in dump.rules.items()
        }
        return replace(dump, rules=head)

    return writes


def both(first: Writing, second: Writing) -> Writing:
    """One after the other."""
    return lambda dump: second(first(dump))


# ------------------------------------------------------------------ sets


def by_set(names: str, change: Callable[[str, list[str]], Iterable[str]]) -> Writing:
    """The members of every set whose name matches; `change` is told how it is created."""

    def writes(dump: Dump) -> Dump:
        heads = dict(line.split(" ", 2)[1:] for line in dump.sets if line.startswith("create "))
        members: dict[str, list[str]] = {name: [] for name in heads}
        for line in dump.sets:
            word, name, rest = line.split(" ", 2)
            if word == "add":
                members[name].append(rest)
        lines = []
        for name, head in heads.items():
            kept = change(head, members[name]) if re.match(names, name) else members[name]
            lines += [f"create {name} {head}", *(f"add {name} {member}" for member in kept)]
        return replace(dump, sets=tuple(lines))

    return writes


def stale(names: str, rest: str = "") -> Writing:
    """Sets of addresses keep one that was a pod's once."""

    def change(head: str, members: list[str]) -> list[str]:
        if not head.startswith(("hash:ip family", "hash:net family")):
            return members
        return [*members, STALE[6 if "inet6" in head else 4] + rest]

    return by_set(names, change)


def forgetful(names: str, kind: str = "hash:") -> Writing:
    """Sets of a kind lose their first member."""
    return by_set(names, lambda head, members: sorted(members)[1:] if head.startswith(kind) else members)
