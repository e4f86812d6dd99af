"""What a compiler leaves on a node, in the words of iptables-save, ipset and ip, and as a snapshot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.felix.selectors import Objects

NODE = "node-a"
FILES = {4: "iptables-save", 6: "ip6tables-save"}
ROUTES = {4: "routes.json", 6: "routes6.json"}
INET = {4: "inet", 6: "inet6"}
BUILT_IN = ("INPUT", "FORWARD", "OUTPUT")


@dataclass(frozen=True, slots=True)
class Dump:
    """The lines of the rules by family, the lines of `ipset save`, and what `ip -j` tells."""

    rules: Mapping[int, tuple[str, ...]]
    sets: tuple[str, ...]
    addresses: tuple[Mapping[str, Any], ...]
    routes: Mapping[int, tuple[Mapping[str, Any], ...]]

    def write(self, folder: Path, objects: Objects, policies: Objects) -> Path:
        """A snapshot of the node and of its cluster."""
        node = folder / "nodes" / NODE
        node.mkdir(parents=True)
        (folder / "cluster").mkdir()
        for name, items in (("objects", objects), ("policies", policies)):
            (folder / "cluster" / f"{name}.json").write_text(
                json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
            )
        for family, lines in self.rules.items():
            (node / FILES[family]).write_text("\n".join([*lines, ""]))
        (node / "ipset-save").write_text("\n".join([*self.sets, ""]))
        (node / "addresses.json").write_text(json.dumps(self.addresses))
        for family, routes in self.routes.items():
            (node / ROUTES[family]).write_text(json.dumps(routes))
        return folder


class Sets:
    """Sets as they are collected while rules are written, each created once."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[str, list[str]]] = {}

    def add(self, name: str, created: str, members: Iterable[str]) -> str:
        """Remember a set by what stands after its name in `create`; returns the name."""
        known, held = self.found.setdefault(name, (created, []))
        assert known == created, f"two sets of the name {name}"
        held += [member for member in dict.fromkeys(members) if member not in held]
        return name

    def saved(self) -> tuple[str, ...]:
        """As `ipset save` prints them: lists of sets after the sets that they list."""
        lines = []
        for name, (created, members) in sorted(self.found.items(), key=lambda each: each[1][0].startswith("list:set")):
            lines.append(f"create {name} {created}")
            lines += [f"add {name} {member}" for member in members]
        return tuple(lines)


def hashed_set(kind: str, family: int = 4, rest: str = "") -> str:
    """How a set of addresses or networks is created."""
    return f"{kind} family {INET[family]} hashsize 1024 maxelem 65536{rest}"


def table(name: str, chains: Mapping[str, Iterable[str]], built_in: Iterable[str] = BUILT_IN) -> list[str]:
    """A table as iptables-save prints it; `chains` holds the rules without `-A CHAIN`."""
    own = [chain for chain in chains if chain not in built_in]
    head = [f":{chain} ACCEPT [0:0]" for chain in built_in] + [f":{chain} - [0:0]" for chain in own]
    rules = [f"-A {chain} {rule}" for chain, listed in chains.items() for rule in listed]
    return [f"*{name}", *head, *rules, "COMMIT"]


def spelled(*parts: str) -> str:
    """A rule from its parts, of which some may be ""."""
    return " ".join(part for part in parts if part)


def comment(text: str) -> str:
    """A comment, quoted where iptables-save quotes."""
    bare = all(letter.isalnum() or letter in "_-" for letter in text)
    return f"-m comment --comment {text}" if bare else f'-m comment --comment "{text}"'


def member(name: str, ends: str, *, negated: bool = False) -> str:
    """A test of a set."""
    return f"-m set {'! ' if negated else ''}--match-set {name} {ends}"
