"""A dump of rules as text: which chains it has, how many rules each, and what of it matters to sending packets.

Spec: specs/kernel.md
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from verifier.evidence.kernel.standins import tested_names

_KIND = re.compile(r"-[mpjg] \S+|(?<= )--?[a-z][\w-]*")
_PORT = re.compile(r"\s(?:--ports|--dports?|--destination-ports?|--match-set \S+ \S*,\S*)\s")
_ADDRESS = re.compile(r"\s(?:-d|--dst|--destination|--dst-\S+|--match-set)\s")
_LEADS = re.compile(r"\s-[jg] (\S+)")
EARLY = [(table, hook) for table in ("raw", "mangle") for hook in ("PREROUTING", "OUTPUT")]
"""The chains before those that translate a destination."""
_COUNTERS = re.compile(r"^\[\d+:\d+\]\s+")


@dataclass(frozen=True, slots=True)
class Dump:
    """The chains of a dump in its order, with the number of rules of each; `index` is a chain's place among them.

    `tested` are the names of interfaces that rules ask for; `early` are the rules that packets may come by before the nat
    table gives them another destination.
    """

    text: str
    tables: tuple[str, ...] = ()
    chains: dict[tuple[str, str], int] = field(default_factory=dict)
    index: dict[tuple[str, str], int] = field(default_factory=dict)
    tested: frozenset[str] = frozenset()
    early: tuple[str, ...] = ()
    checks_source_routes: bool = False
    untracks: bool = False
    masquerades: bool = False
    chooses: bool = False  # by chance or by turns


def read_dump(text: str) -> Dump:
    """The outline of an iptables-save text; a table that comes twice counts as the kernel counts it, the last time."""
    table = ""
    rules: dict[tuple[str, str], list[str]] = {}
    chains: dict[tuple[str, str], int] = {}
    for line in text.splitlines():
        rule = uncounted(line.strip())
        if rule.startswith("*"):
            table = rule[1:].strip()
            chains = {chain: count for chain, count in chains.items() if chain[0] != table}
        elif rule.startswith(":"):
            chains[table, rule[1:].split()[0]] = 0
        elif rule.startswith(("-A ", "--append ", "-N ")):
            key = (table, rule.split(maxsplit=2)[1])
            chains[key] = chains.get(key, 0) + (not rule.startswith("-N "))
            rules.setdefault(key, []).append(rule)
    return Dump(
        text,
        tuple(dict.fromkeys(name for name, _ in chains)),
        chains,
        {chain: place for place, chain in enumerate(chains)},
        tested_names(text),
        tuple(_early(rules)),
        checks_source_routes=bool(re.search(r"-m rpfilter\b", text)),
        untracks=bool(re.search(r"-j NOTRACK\b|-j CT\b.*--notrack\b", text)),
        masquerades=bool(re.search(r"-j MASQUERADE\b", text)),
        chooses=bool(re.search(r"-m statistic\b", text)),
    )


def _early(rules: Mapping[tuple[str, str], list[str]]) -> Iterator[str]:
    """The rules of the chains that come first, and of those that they lead to."""
    waiting, known = list(EARLY), set(EARLY)
    for table, chain in waiting:
        for rule in rules.get((table, chain), ()):
            yield rule
            fresh = {(table, name) for name in _LEADS.findall(rule)} - known
            known |= fresh
            waiting += sorted(fresh)


def asks_for_destination(rules: Iterable[str], *, address: bool) -> str:
    """The first of some rules that asks for the port that a packet is sent to, or with `address` for where it is sent."""
    asked = (_PORT, _ADDRESS) if address else (_PORT,)
    return next((rule for rule in rules if any(each.search(rule) for each in asked)), "")


def uncounted(line: str) -> str:
    """A line without the counters that `iptables-save -c` puts before a rule."""
    return _COUNTERS.sub("", line)


def singly(text: str) -> Iterator[tuple[str, str]]:
    """One rule's line of each kind with a text that has it alone, in its table with all chains; jumps lead to empty ones.

    A kind is what a rule tests and does, whatever the values.
    """
    head: list[str] = []
    known: set[tuple[str, ...]] = set()
    for line in map(str.strip, text.splitlines()):
        rule = uncounted(line)
        if line.startswith("*"):
            head = [line]
        elif line.startswith(":"):
            head.append(line)
        elif rule.startswith(("-A ", "--append ")):
            kind = (head[0], *_KIND.findall(rule))
            if kind not in known:
                known.add(kind)
                yield rule, "\n".join((*head, rule, "COMMIT", ""))


def portions(text: str, size: int) -> Iterator[str]:
    """The text in several, to be loaded one after the other without a flush: all chains of a table, then its rules.

    `size` is the largest number of rules in one.
    """
    head: list[str] = []
    rules: list[str] = []
    for line in map(str.strip, text.splitlines()):
        if line.startswith("*"):
            head, rules = [line], []
        elif line.startswith(":"):
            head.append(line)
        elif line == "COMMIT":
            yield "\n".join((*head, "COMMIT", ""))
            for first in range(0, len(rules), size):
                yield "\n".join((head[0], *rules[first : first + size], "COMMIT", ""))
        elif line and not line.startswith("#"):
            rules.append(line)
