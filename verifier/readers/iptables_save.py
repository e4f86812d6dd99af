"""`iptables-save` and `ip6tables-save`, of both back ends, with or without counters.

Spec: specs/chains/dump.md
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from verifier.model.effect import Verdict
from verifier.model.extension import Malformed
from verifier.model.origin import InputError, Origin
from verifier.model.ruleset import Chain, Rule, Ruleset
from verifier.readers import bounds
from verifier.readers.rule_cache import RuleCache
from verifier.readers.unseen_tables import unseen

RULE = re.compile(r"(?:\[([0-9]{1,20}):[0-9]+\] ?)?((?:-A|--append) +(\S+)(.*))")
CHAIN = re.compile(r":(\S+) +(\S+)(?: +\[\d+:\d+\])?")
BUILT_IN = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "raw": ("PREROUTING", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
POLICIES = {"ACCEPT": Verdict.ACCEPT, "DROP": Verdict.DROP, "-": None}
SAVE_AGAIN = "save the rules again with iptables-save, without cutting the output"


@dataclass(slots=True)
class Block:
    """One `*table` ... `COMMIT`, while it is being read."""

    table: str
    origin: Origin
    heads: dict[str, tuple[Verdict | None, Origin]] = field(default_factory=dict)
    rules: list[tuple[int, str]] = field(default_factory=list)


def read_ruleset(text: str, path: str, family: int) -> Ruleset:
    """What one family of a node has loaded.

    `path` is how the user would call the file, `family` is 4 or 6. A table that comes twice counts as it comes last.
    Raises InputError with the line for anything that is not a dump (DU-1 to DU-3), and for one of more lines than are
    read; a rule that is legal but has no meaning here is kept, opaque.
    """
    lines = text.count("\n")
    if lines > bounds.MAX_RULE_LINES:
        problem = f"{lines} lines, more than the {bounds.MAX_RULE_LINES} that are read of a dump"
        raise InputError(Origin(path), problem, bounds.smaller("iptables-save"))
    tables: dict[str, dict[str, Chain]] = {}
    remarks: list[tuple[int, str]] = []
    cache = RuleCache(family)
    for block in _blocks(text, path, remarks):
        tables[block.table] = _chains(block, path, cache)
    chains = {(table, name): chain for table, found in tables.items() for name, chain in found.items()}
    return Ruleset(family, unseen(chains, remarks, path) if remarks else chains, path)


def _blocks(text: str, path: str, remarks: list[tuple[int, str]]) -> list[Block]:
    """The tables' blocks in order, with chains and the lines of rules; comments that matter go to `remarks`."""
    blocks: list[Block] = []
    block: Block | None = None
    for number, line in enumerate(text.split("\n"), 1):
        first = line[:1]
        if first in ("\t", " ", "") or line[-1:] in ("\r", " "):
            line = line.strip()  # noqa: PLW2901  CRLF and indented tables
            first = line[:1]
        if first in ("[", "-") and block is not None:
            block.rules.append((number, line))
        elif first == "":
            continue
        elif first == "#":
            if "able" in line:
                remarks.append((number, line))
        elif first == "*":
            block = _opened(line, Origin(path, number), block)
        elif block is None:
            raise InputError(Origin(path, number), f"{_short(line)} stands outside of any table", SAVE_AGAIN)
        elif first == ":":
            _declare(block, line, Origin(path, number))
        elif line == "COMMIT":
            blocks.append(block)
            block = None
        else:
            raise InputError(Origin(path, number), f"{_short(line)} is no line of an iptables dump", SAVE_AGAIN)
    if block is not None:
        raise InputError(block.origin, f"table {block.table} has no COMMIT: the dump is cut off", SAVE_AGAIN)
    return blocks


def _short(line: str) -> str:
    return repr(line if len(line) <= 60 else line[:57] + "...")


def _opened(line: str, origin: Origin, before: Block | None) -> Block:
    if before is not None:
        problem = f"table {before.table}, which begins at line {before.origin.line}, has no COMMIT"
        raise InputError(origin, problem, SAVE_AGAIN)
    name = line[1:].strip()
    if not name or " " in name:
        raise InputError(origin, f"{_short(line)} does not name a table", SAVE_AGAIN)
    return Block(name, origin)


def _declare(block: Block, line: str, origin: Origin) -> None:
    found = CHAIN.fullmatch(line)
    if found is None or found.group(2) not in POLICIES:
        problem = f"{_short(line)} does not declare a chain (`:NAME POLICY [packets:bytes]`, policy ACCEPT, DROP or -)"
        raise InputError(origin, problem, SAVE_AGAIN)
    name, policy = found.group(1), POLICIES[found.group(2)]
    if name in block.heads:
        raise InputError(origin, f"chain {name} of table {block.table} is declared twice", SAVE_AGAIN)
    if policy is None and name in BUILT_IN.get(block.table, ()):
        raise InputError(origin, f"built-in chain {name} of table {block.table} has no policy", SAVE_AGAIN)
    block.heads[name] = (policy, origin)


def _chains(block: Block, path: str, cache: RuleCache) -> dict[str, Chain]:
    heads = block.heads
    cache.enter_table(frozenset(name for name, (policy, _) in heads.items() if policy is None))
    rules: dict[str, list[Rule]] = {name: [] for name in heads}
    read, match_rule = cache.read, RULE.fullmatch
    for number, line in block.rules:
        origin = Origin(path, number)
        found = match_rule(line)
        if found is None:
            raise InputError(origin, f"{_short(line)} is not a rule (`[packets:bytes] -A CHAIN ...`)", SAVE_AGAIN)
        counted, rule_text, chain, rest = found.groups()
        try:
            match, effect, comments, packets = read(rest)
        except Malformed as fault:
            raise InputError(origin, str(fault), "correct the rule; iptables itself refuses it") from None
        if counted is not None:
            packets = int(counted)
        if chain not in rules:
            rules[chain] = []
            heads[chain] = (Verdict.ACCEPT if chain in BUILT_IN.get(block.table, ()) else None, origin)
        rules[chain].append(Rule(match, effect, origin, rule_text, comments, packets))
    return {
        name: Chain(block.table, name, policy, tuple(rules[name]), origin) for name, (policy, origin) in heads.items()
    }
