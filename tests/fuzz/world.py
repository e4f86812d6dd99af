"""A ruleset with its sets as the fuzzer writes it: text that the kernel's tools load and that our readers read."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from verifier.model.cluster import Cluster
from verifier.model.node import NodeState
from verifier.readers.snapshot import read_snapshot

NODE = "node-a"
OWN = {4: (0xC0A8000A, "192.168.0.10"), 6: (0xFD00 << 112 | 0x10, "fd00::10")}
"""The node's own address of each family, on eth0."""
BRIDGE, PORTS = "br0", ("p1", "p2")
INTERFACES = ("eth0", "eth1", "cali1", "cali12")
"""The interfaces of the node beside the bridge."""
ADDRESSES = [
    {"ifname": "lo", "addr_info": [{"family": "inet", "local": "127.0.0.1", "prefixlen": 8}]},
    {
        "ifname": "eth0",
        "addr_info": [
            {"family": "inet", "local": OWN[4][1], "prefixlen": 32},
            {"family": "inet6", "local": OWN[6][1], "prefixlen": 128},
        ],
    },
    *({"ifname": name} for name in (*INTERFACES[1:], BRIDGE, *PORTS)),
]
DUMPS = {4: "iptables-save", 6: "ip6tables-save"}
EMPTY = {"apiVersion": "v1", "kind": "List", "items": []}
BUILT_IN = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}


@dataclass(frozen=True, slots=True)
class SetText:
    """A set: its name, the rest of its `create` line, and its members as `add NAME` is followed by them."""

    name: str
    options: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class World:
    """What one family of a node has loaded.

    `tables` holds per table the rules of each chain, as they stand behind `-A CHAIN`; a chain of BUILT_IN is there or not.
    `drops` are the built-in chains, as (table, chain), whose policy is to drop.
    """

    family: int
    tables: Mapping[str, Mapping[str, tuple[str, ...]]]
    drops: frozenset[tuple[str, str]] = frozenset()
    sets: tuple[SetText, ...] = ()
    _read: list[tuple[NodeState, Cluster]] = field(default_factory=list, compare=False, repr=False)

    def rules(self) -> str:
        """The rules as iptables-save prints them."""
        lines: list[str] = []
        for table, chains in self.tables.items():
            lines.append(f"*{table}")
            policies = {name: "DROP" if (table, name) in self.drops else "ACCEPT" for name in BUILT_IN[table]}
            lines += [f":{name} {policy} [0:0]" for name, policy in policies.items()]
            lines += [f":{name} - [0:0]" for name in chains if name not in BUILT_IN[table]]
            lines += [f"-A {name} {rule}" for name, rules in chains.items() for rule in rules]
            lines.append("COMMIT")
        return "\n".join([*lines, ""])

    def members(self) -> str:
        """The sets as `ipset save` prints them."""
        lines: list[str] = []
        for each in self.sets:
            lines.append(f"create {each.name} {each.options}")
            lines += [f"add {each.name} {member}" for member in each.members]
        return "\n".join([*lines, ""])

    def read(self) -> tuple[NodeState, Cluster]:
        """The node as our readers read it, without any pod; read once."""
        if not self._read:
            with tempfile.TemporaryDirectory() as folder:
                snapshot = read_snapshot(self._write(Path(folder)))
            self._read.append((snapshot.nodes[0], snapshot.cluster))
        return self._read[0]

    def _write(self, folder: Path) -> str:
        node = folder / "nodes" / NODE
        node.mkdir(parents=True)
        (folder / "cluster").mkdir()
        (folder / "cluster" / "all.json").write_text(json.dumps(EMPTY))
        (node / DUMPS[self.family]).write_text(self.rules())
        (node / "ipset-save").write_text(self.members())
        (node / "addresses.json").write_text(json.dumps(ADDRESSES))
        return str(folder)
