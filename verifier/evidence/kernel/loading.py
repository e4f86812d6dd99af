"""Loading dumps with the kernel's own tools, and which rule a back end means when it traces one.

Spec: specs/kernel.md (KER-9)
"""

from __future__ import annotations

import re
import socket
import time

from verifier.evidence.kernel import netlink
from verifier.evidence.kernel.dump import Dump, portions, read_dump, singly, uncounted
from verifier.evidence.kernel.namespace import Namespace
from verifier.evidence.kernel.netlink import Netlink, attributes, netfilter, number
from verifier.evidence.kernel.netlink import text as text_of
from verifier.evidence.kernel.preparing import prepare
from verifier.evidence.kernel.records import Backend, Refused

GET_RULE = 10 << 8 | 7
ATTEMPTS = 500
"""How often a set is asked to go: nf_tables gives up what its rules referred to a little later."""
BUILT_IN = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
IGNORED = "is ignored"
"""ipset says so of options of earlier releases, and then loses the line after the one that has them."""
TOO_LONG = "Message too long"
"""nf_tables takes a dump as one message, which without the rights of root may not be longer than the system's bound."""
PORTION = 100
"""Rules that make a message of less than the smallest bound that systems have."""
_LINE = re.compile(r"\bline:? (\d+)")


class Loader:
    """The dumps of a namespace, one of each family; `dumps` are those that are loaded."""

    def __init__(self, space: Namespace, backend: Backend) -> None:
        self._space = space
        self._backend = backend
        self.dumps: dict[int, Dump] = {}
        self._sets: str | None = ""
        self._tables: dict[int, dict[str, None]] = {4: {}, 6: {}}

    def load(self, family: int, rules: str, sets: str) -> tuple[str, ...]:
        """Replace the rules of a family; sets that differ from those before replace them, and the rules of both families.

        Returns what was left out. Raises Refused with the tool's message and the line; nothing of the family is then
        loaded.
        """
        dump = read_dump(rules)
        text, notes = prepare(rules)
        if sets != self._sets:
            for loaded in self._tables:
                self._clear(loaded)
            self._sets = None
            self._drop_sets()
            self._restore("ipset", "-exist", "restore", given=sets)
            self._sets = sets
        self._clear(family)
        self._tables[family] |= dict.fromkeys(dump.tables)
        try:
            self._restore_rules(family, text)
        except Refused as refusal:
            if TOO_LONG not in str(refusal):
                raise
            self._clear(family)  # of the tables before the one that is too long, the rules are there
            self._tables[family] |= dict.fromkeys(dump.tables)
            for portion in portions(text, PORTION):
                self._restore(_tool(family, self._backend, "restore"), "--noflush", given=portion)
        self.dumps[family] = dump
        return notes

    def _restore_rules(self, family: int, text: str) -> None:
        """Load rules. Where a table is refused as a whole, as the legacy kernel does, its rules are tried one by one."""
        tool = _tool(family, self._backend, "restore")
        try:
            self._restore(tool, given=text)
        except Refused as refusal:
            if self._backend is Backend.LEGACY or str(refusal).endswith(": COMMIT"):
                for line, alone in singly(text):
                    ran = self._space.tool(tool, text=alone)
                    if ran.returncode:
                        raise Refused(f"{tool}: the kernel does not take the rule: {line}") from None
            raise

    def _restore(self, *command: str, given: str) -> None:
        ran = self._space.tool(*command, text=given)
        if ran.returncode or IGNORED in ran.stderr:
            message = " ".join(ran.stderr.split())[:500]
            lines = given.splitlines()
            where = _LINE.search(message)
            line = lines[int(where[1]) - 1] if where and 0 < int(where[1]) <= len(lines) else ""
            raise Refused(f"{command[0]}: {message}" + (f": {uncounted(line.strip())}" if line else ""))

    def _clear(self, family: int) -> None:
        """Remove the rules of a family. An emptied legacy table stays, and accepts everything."""
        self.dumps.pop(family, None)
        tables = [table for table in self._tables[family] if table in BUILT_IN]
        if self._backend is Backend.NFT:
            name = "ip" if family == 4 else "ip6"
            gone = "".join(f"add table {name} {table}\ndelete table {name} {table}\n" for table in tables)
            self._space.must("nft", "-f", "-", text=gone)
        for table in tables if self._backend is Backend.LEGACY else ():
            empty = f"*{table}\n" + "".join(f":{chain} ACCEPT [0:0]\n" for chain in BUILT_IN[table]) + "COMMIT\n"
            self._space.tool(_tool(family, self._backend, "restore"), text=empty)  # a table that is lacking stays so
        self._tables[family] = {}

    def _drop_sets(self) -> None:
        """A list of sets lets go when it is emptied."""
        for attempt in range(ATTEMPTS):
            self._space.must("ipset", "flush")
            if self._space.tool("ipset", "destroy").returncode == 0:
                return
            time.sleep(0.002 * (attempt > 0))
        self._space.must("ipset", "destroy")

    def positions(self) -> dict[tuple[int, str, int], tuple[str, int]]:
        """Of nf_tables: (family, table, handle) -> chain and number of a rule from 1."""
        asking = Netlink(netlink.NETFILTER)
        found: dict[tuple[int, str, int], tuple[str, int]] = {}
        for family, kind in ((4, socket.AF_INET), (6, socket.AF_INET6)):
            counts: dict[tuple[str, str], int] = {}
            for data, begin, end in asking.dump(GET_RULE, netfilter(kind)):
                rule = attributes(data, begin + 4, end)
                key = (text_of(rule, 1), text_of(rule, 2))
                counts[key] = counts.get(key, 0) + 1
                found[family, key[0], number(rule, 3)] = (key[1], counts[key])
        asking.close()
        return found


def _tool(family: int, backend: Backend, action: str) -> str:
    return f"{'iptables' if family == 4 else 'ip6tables'}-{backend.value}-{action}"
