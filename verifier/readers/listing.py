"""`iptables -L` and `ip6tables -L` of both back ends, of one chain, one table or several, with or without -v, -n, -x.

Spec: specs/chains/listing.md
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from verifier.model.effect import Unknown, Verdict
from verifier.model.extension import Malformed
from verifier.model.origin import InputError, Origin
from verifier.model.predicate import TRUE
from verifier.model.ruleset import Chain, Rule, Ruleset
from verifier.readers import bounds
from verifier.readers.iptables_save import BUILT_IN, POLICIES
from verifier.readers.listing_gaps import with_gaps
from verifier.readers.listing_line import Layout, NoRule, RuleReader, exact_count, split_columns
from verifier.readers.unseen_tables import unseen

HEAD = re.compile(
    r"Chain (\S+) \((?:policy (ACCEPT|DROP)(?: ([0-9]+[KMGT]?) packets, ([0-9]+[KMGT]?) bytes)?|([0-9]+) references?)\)"
)
BEGINS = re.compile(r"Chain \S+ \(")
HEADER = re.compile(r"(num +)?(pkts +bytes +)?target +prot +opt( +in +out)? +source +destination")
COMMAND = re.compile(
    r"(?:^|[\s/])(ip6?tables)(?:-legacy|-nft)?((?: +\S+)* +(?:-[a-zA-Z0-9]*L|--list)\S*(?: +\S+)*)\s*$"
)
TABLE = re.compile(r"(?:-t *|--table[= ])(\w+)")
ORDER = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
ELLIPSIS = re.compile(r"[\[(<]?(?:\.{2,}|…|snip|cut|truncated|--more--)[\])>]?", re.IGNORECASE)
UNCLOSED = re.compile(r"(?:^| )/\*[ ](?!.*[ ]\*/(?: |$))")
LIST_AGAIN = "list the rules again with iptables -nvxL, without cutting or wrapping its lines"


@dataclass(slots=True)
class ListedChain:
    """A chain of a listing while it is being read."""

    name: str
    origin: Origin
    policy: Verdict | None
    packets: int | None
    references: int | None
    layout: Layout | None = None
    lines: list[tuple[int, str]] = field(default_factory=list)


@dataclass(slots=True)
class Section:
    """Chains that one command listed; `table` is "" until it is known."""

    table: str
    chains: dict[str, ListedChain] = field(default_factory=dict)

    def takes(self, name: str, *, built_in: bool, apart: bool) -> bool:
        """Whether a chain can follow: none comes twice; one that is `apart` by a blank line, in the kernel's order.

        Of a section whose command is known, order and blank lines say nothing.
        """
        if name in self.chains or self.table:
            return name not in self.chains
        if not apart:
            return False
        if not built_in:
            return True
        before = [ORDER.index(chain.name) for chain in self.chains.values() if chain.policy is not None]
        users = len(before) < len(self.chains)
        return not users and name in ORDER and (not before or before[-1] < ORDER.index(name) or _old_nat(self, name))


def _old_nat(section: Section, name: str) -> bool:
    return [*section.chains, name] == ["PREROUTING", "POSTROUTING", "OUTPUT"]


def is_listing(text: str) -> bool:
    """Whether a text is a listing rather than a dump: its first line that says something heads a chain, or lists one."""
    for line in text.split("\n"):
        bare = line.strip()
        if bare and (COMMAND.search(bare) or not bare.startswith("#")):
            return BEGINS.match(bare) is not None or COMMAND.search(bare) is not None
    return False


def read_listing(text: str, path: str, family: int, table: str = "", *, gaps: bool = True) -> Ruleset:
    """What a listing shows of one family, with the chains and tables that it does not show as not known (LST-6).

    `table` is what chains belong to whose table nothing tells; "" stands for filter. Without `gaps`, only what is listed is there. Raises InputError with the line
    for what is no listing (LST-1) and for a chain that is listed twice, differently.
    """
    sections, remarks = Listing(path, family, table).sections(text)
    reader = RuleReader(family)
    chains: dict[tuple[str, str], Chain] = {}
    declared: dict[str, set[str]] = {}
    for section in sections:
        names = declared.setdefault(section.table, set())
        names.update(chain.name for chain in section.chains.values() if chain.policy is None)
    cut = "" if text.endswith("\n") else "the listing does not end with a line end: it may be cut off"
    width = _width(sections)
    for number, section in enumerate(sections, 1):
        reader.enter_table(frozenset(declared[section.table]))
        for place, listed in enumerate(section.chains.values(), 1):
            last = number == len(sections) and place == len(section.chains)
            chain = _chain(listed, section.table, reader, family, cut if last else "", width)
            _add(chain, chains)
    whole = with_gaps(chains, path) if gaps else chains
    return Ruleset(family, unseen(whole, remarks, path) if remarks else whole, path)


def _width(sections: list[Section]) -> int:
    """The column at which the lines of a listing are cut off, 0 where none is: where a longest line lacks its end."""
    lines = [line for section in sections for chain in section.chains.values() for _, line in chain.lines]
    longest = max(map(len, lines), default=0)
    return longest if any(UNCLOSED.search(line) for line in lines if len(line) == longest) else 0


def _add(chain: Chain, chains: dict[tuple[str, str], Chain]) -> None:
    before = chains.get((chain.table, chain.name))
    if before is not None:
        same = before.policy is chain.policy and [r.text for r in before.rules] == [r.text for r in chain.rules]
        if not same:
            problem = f"chain {chain.name} is listed twice, with other rules than at line {before.origin.line}"
            remedy = "write the command (`iptables -t TABLE -nvxL`) before each table, and one listing into each file"
            raise InputError(chain.origin, problem, remedy)
    chains[chain.table, chain.name] = chain


class Listing:
    """A listing on its way to sections of one table each."""

    def __init__(self, path: str, family: int, table: str) -> None:
        self._path = path
        self._family = family
        self._table = table
        self._sections: list[Section] = []
        self._chain: ListedChain | None = None
        self._apart = True

    def sections(self, text: str) -> tuple[list[Section], list[tuple[int, str]]]:
        """The sections, and the remarks of iptables on what it does not show (DU-8)."""
        if text.count("\n") > bounds.MAX_RULE_LINES:
            problem = f"{text.count(chr(10))} lines, more than the {bounds.MAX_RULE_LINES} that are read of a listing"
            raise InputError(Origin(self._path), problem, bounds.SMALLER)
        remarks = []
        for number, line in enumerate(text.split("\n"), 1):
            bare = line.rstrip()
            if COMMAND.search(bare):
                self._command(bare, Origin(self._path, number))
            elif bare.startswith("#"):
                remarks.append((number, bare))
            elif bare.startswith("Chain "):
                self._head(bare, Origin(self._path, number))
            elif bare:
                self._line(bare, Origin(self._path, number))
            self._apart = not bare
        self._finish()
        found = [section for section in self._sections if section.chains]
        if not found:
            raise InputError(Origin(self._path), "the listing has no chain", LIST_AGAIN)
        for section in found:
            section.table = section.table or self._told(section)
            for chain in section.chains.values():
                if chain.policy is not None and chain.name not in BUILT_IN[section.table]:
                    problem = f"table {section.table}, which was listed, has no chain {chain.name}"
                    raise InputError(chain.origin, problem, "write the command that lists it on a line before it")
        return found, remarks

    def _command(self, line: str, origin: Origin) -> None:
        found = COMMAND.search(line)
        assert found is not None
        if (found.group(1) == "ip6tables") is not (self._family == 6):
            problem = f"{found.group(1)} lists another family than IPv{self._family}, to which this file belongs"
            raise InputError(origin, problem, "put ip6tables' listing into the node's file ip6tables-list")
        table = TABLE.search(found.group(2))
        name = table.group(1) if table else "filter"
        if name not in BUILT_IN:
            raise InputError(origin, f"there is no table {name!r}", f"list one of {', '.join(BUILT_IN)}")
        self._finish()
        self._sections.append(Section(name))

    def _head(self, line: str, origin: Origin) -> None:
        found = HEAD.fullmatch(line)
        if found is None:
            expected = "`Chain NAME (policy ACCEPT 0 packets, 0 bytes)` or `Chain NAME (1 references)`"
            raise InputError(origin, f"{_short(line)} does not head a chain; expected {expected}", LIST_AGAIN)
        name, policy, packets, _, references = found.groups()
        self._finish()
        verdict = POLICIES[policy] if policy else None
        built_in = verdict is not None
        if built_in and name not in ORDER:
            raise InputError(origin, f"chain {name} has a policy and is none of {', '.join(ORDER)}", LIST_AGAIN)
        if not self._sections or not self._sections[-1].takes(name, built_in=built_in, apart=self._apart):
            self._sections.append(Section(""))
        count = None if references is None else int(references)
        self._chain = ListedChain(name, origin, verdict, exact_count(packets or ""), count)
        self._sections[-1].chains[name] = self._chain

    def _line(self, line: str, origin: Origin) -> None:
        chain = self._chain
        if chain is None:
            raise InputError(origin, f"{_short(line)} stands before the first `Chain NAME (...)`", LIST_AGAIN)
        if chain.layout is not None:
            chain.lines.append((origin.line, line))
            return
        found = HEADER.fullmatch(line.strip())
        if found is None or bool(found.group(2)) is not bool(found.group(3)):
            expected = "the columns' names (`target prot opt source destination`, with -v `pkts bytes target ...`)"
            raise InputError(origin, f"{_short(line)} follows the head of a chain, where {expected} stand", LIST_AGAIN)
        chain.layout = Layout(bool(found.group(1)), bool(found.group(2)))

    def _finish(self) -> None:
        if self._chain is not None and self._chain.layout is None:
            problem = f"chain {self._chain.name} has no line with the names of the columns: the listing is cut off"
            raise InputError(self._chain.origin, problem, LIST_AGAIN)
        self._chain = None

    def _told(self, section: Section) -> str:
        """The table that a section's built-in chains belong to (LST-2)."""
        hooks = {chain.name for chain in section.chains.values() if chain.policy is not None}
        exact = [table for table, names in BUILT_IN.items() if hooks == set(names)]
        if hooks == set(BUILT_IN["nat"]) - {"INPUT"}:
            return "nat"
        if exact:
            return self._table if self._table in exact else exact[0]
        for table in (self._table, "filter"):
            if table and hooks <= set(BUILT_IN[table]):
                return table
        origin = next(iter(section.chains.values())).origin
        problem = f"nothing tells the table of {', '.join(sorted(hooks))}: a listing does not name it"
        raise InputError(
            origin, problem, "write the command, for instance `iptables -t nat -nvxL`, on a line before it"
        )


def _chain(listed: ListedChain, table: str, reader: RuleReader, family: int, cut: str, width: int) -> Chain:
    rules: list[Rule] = []
    layout = listed.layout
    assert layout is not None
    broken = False
    for place, (number, line) in enumerate(listed.lines, 1):
        origin = Origin(listed.origin.path, number)
        if cut and place == len(listed.lines):
            rules.append(gap(listed.name, cut, origin))
        if ELLIPSIS.fullmatch(line.strip()):
            rules.append(gap(listed.name, f"rules are left out of the listing here: {line.strip()}", origin))
            continue
        if len(line) == width and not UNCLOSED.search(line):
            rules.append(gap(listed.name, f"the listing is cut off at column {width}: {line.strip()}", origin))
        try:
            columns = split_columns(line, layout, family)
            rule = reader.rule(listed.name, columns, layout, origin)
        except (NoRule, Malformed) as fault:
            if broken:
                continue
            if not _cut_off(line, layout):
                problem = str(fault) or "not the columns of a rule, as the line with their names has them"
                raise InputError(origin, f"{_short(line.strip())}: {problem}", LIST_AGAIN) from None
            rules.append(gap(listed.name, f"the line is cut off: {line.strip()}", origin))
            continue
        if UNCLOSED.search(columns.text):
            broken = True
            rules.append(gap(listed.name, f"a comment is not closed, the listing is cut off: {line.strip()}", origin))
        rules.append(rule)
    if cut and not listed.lines:
        rules.append(gap(listed.name, cut, listed.origin))
    return Chain(table, listed.name, listed.policy, tuple(rules), listed.origin, listed.packets, listed.references)


def gap(chain: str, reason: str, origin: Origin) -> Rule:
    """A place at which rules are missing: from here on, anything may become of a packet."""
    return Rule(TRUE, Unknown(reason), origin, f"-A {chain} [{reason}]")


def _cut_off(line: str, layout: Layout) -> bool:
    """Whether a line begins as a rule does and ends before its columns do."""
    words = line.split()
    lead = layout.numbered + 2 * layout.verbose
    return len(words) < lead + 5 + 2 * layout.verbose and all(word[:1].isdigit() for word in words[:lead])


def _short(line: str) -> str:
    return repr(line if len(line) <= 60 else line[:57] + "...")
