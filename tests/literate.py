"""The one grammar of executable pages: which fenced blocks a page may hold, and what each of them asserts.

Pages are specs/**/*.md, tests/cases/**/*.md, tests/bugs/**/*.md and examples/**/README.md. Nothing has to be
registered: a new page or a new block is found by itself and becomes a test (tests/test_literate.py).

A *section* is a heading with what follows it up to the next heading. A section with an asserting block is a *case*,
named `FILE:HEADING`. A heading that begins with a clause number (`### NP-4 A pod is isolated per direction`) makes
everything below it, deeper headings included, the cases of that clause. Fenced blocks with other info strings (text,
math, mermaid, yaml without a second word, ...) are prose.

WORLD BLOCKS say what is there. A section sees its own and those of the headings above it. An inner block replaces an
outer one with the same info string; blocks with the same info string in one section are added up.

    ```yaml cluster             Kubernetes objects, read by the ordinary reader (several documents with ---, or a List)
    ```yaml policies            the same reader; a name of its own, so that a clause can bring its own policies
    ```yaml translation         policies into which others were converted, for `answer layer` alone
    ```json cluster             the same, as JSON
    ```cluster                  objects in short, one a line:
                                    namespace shop team=a,env=prod
                                    node node-a 192.168.0.10 fd00::10
                                    pod shop/web 10.0.0.2 fd00::2 app=web,tier=front on=node-a port=http:tcp/8080
                                        [phase=Succeeded] [host-network]
                                Without a `policies` block there is no policy. Namespaces that only pods name exist without labels. `on` is node-a unless given. Without
                                a `node` line every node that a pod names exists; node-a has 192.168.0.10 and fd00::10.
    ```iptables-save [NODE]     what that node has loaded; NODE is node-a unless given
    ```ip6tables-save [NODE]    A block without a line that begins with `*` holds only rules (-A, -N, -P): it is the
                                filter table, its built-in chains accept, its other chains are declared by their use.
    ```ipset-save [NODE]        as `ipset save` prints it
    ```iptables-list [NODE]     what `iptables -nvxL` lists there; ```ip6tables-list likewise. Unless a line is a command
                                (`$ iptables -nvxL`), the block is the filter table and the other tables are listed empty.
    ```ipset-list [NODE]        as `ipset list` prints it
    ```json addresses [NODE]    as `ip -j addr` prints it          ```json routes [NODE]    as `ip -j route`
    ```json routes6 [NODE]      as `ip -j -6 route`

ASSERTING BLOCKS. Empty lines and lines that begin with # say nothing.

    ```packets                  one packet a line, judged by the reference and by every encoder:

        VERDICT HOOK PACKET [KEY=VALUE ...]
            accept forward tcp 10.0.0.1:1000 -> 10.0.0.2:80 in=eth0 out=cali1 state=NEW mark=0x0 mark=>0x10000
            drop input icmp 10.0.0.1 -> 192.168.0.10 icmp=8/0
            unknown output udp 192.168.0.10 -> 10.0.0.2:53 reason="-m recent"
        VERDICT accept, drop, or unknown (something opaque decides). HOOK forward, input or output: the whole path
        through all tables (specs/chains/traversal.md). Keys: in, out (default: eth0 and eth1 where the hook has them),
        state (NEW), mark, connmark (0), flags (SYN; names with commas or a number), icmp (TYPE or TYPE/CODE, echo request
        unless given), ctstatus (DNAT, SNAT), physin, physout, bridged (1), node (node-a, or the only one), sentto
        (END:PORT to which the packet was sent; the node gave it the destination that the line names).
        mark=>N: the mark after the last hook. reason="TEXT": some reason for unknown contains TEXT.

        JUDGEMENT DIRECTION PACKET [KEY=VALUE ...]
            allow ingress tcp shop/api -> shop/web:8080
            deny egress udp shop/web -> 8.8.8.8:53
            deny both tcp shop/api -> shop/db:5432
            any both sctp ...
        What the policies say. JUDGEMENT allow, deny, or any (unspecified: an assumption at its default).
        DIRECTION ingress (the destination's policies), egress (the source's), both (the conjunction).

        PACKET is PROTOCOL END[:PORT] -> END[:PORT]. PROTOCOL a name or a number. END an address, a bracketed IPv6
        address with a port, or namespace/name of a pod: then its address in the other end's family (4 when both are
        names, or as family=6 says). Ports not given are 40000 -> 80 where the protocol has ports.

    ```match OPTIONS            matches of one rule, as written between -A CHAIN and -j; likewise ```match6 for IPv6
        yes|no|unknown PACKET [KEY=VALUE ...] [hook=input]
                                judged as the first rule of FORWARD (or of the hook named) with the sets in sight

    ```answer verify [OPTIONS]  what `chainproof verify` (with these options) says about the world:
        proved|refuted|undecided                                        first line; the exit code must agree
        leak|blocked PATH [PACKET [KEY=VALUE ...]]                      a finding of this kind and path exists, and its
                                                                        region holds the packet (a port, icmp, flags,
                                                                        ctstatus, in, out not given: some value;
                                                                        sentto not given: sent there directly)
            cause contains "TEXT"                                       the finding of the line above has it in its
            policy contains "TEXT"   rule contains "TEXT"               cause, its policies, its chain rules,
            why contains "TEXT"                                         its root cause
        no leak|blocked [PATH [PACKET [KEY=VALUE ...]]]                 no such finding
        because "TEXT"                                                  some reason for undecided contains TEXT
        findings N                                                      exactly so many
        [no] ambiguous [DIRECTION [PACKET]]                             policies of one priority contradict each other
        family 4|6 ANSWER|not asked                                     what one address family answered
        rests on [NAME ...]                                             exactly these assumptions are listed

    ```profile [NODE]           what the profile of the compiler that is recognised on the node says, one thing a line:
        compiler NAME                       it is this compiler's
        interface NAMESPACE/POD [NAME]      the pod's interface, by its rule; without a name it has none
        prefixes [PREFIX ...]               with which pods' interfaces begin
        chain NAME [PHRASE]                 what a chain is called; without a phrase nothing is known
        mark MASK MEANING                   a bit that it owns
        set NAME [PHRASE]                   what a set of the node stands for now; without a phrase nothing is known
        [not] own TABLE CHAIN               whether it writes that chain itself
        [not] deviation NAME                whether the documented deviation applies to the node
        note TEXT                           some note contains TEXT

    ```answer explain [snapshot] [OPTIONS]
                                what `chainproof explain --before --after` says of the blocks `counters before` and
                                `counters after` (iptables -nvxL, or iptables-save -c), which are no part of the
                                snapshot; with the word `snapshot`, beside it:
        proved|refuted|undecided|error                                  first line; the exit code must agree
        way N|N-M accept|drop|unknown CHAIN#NUMBER ...                  so many packets went this way (#0: the policy)
        ways N                                                          there are exactly so many
        says "TEXT"                                                     the report, or the error, contains TEXT; blanks
                                                                        and line ends are alike

    ```classes POD PATH STATE   exactly these packets stand for the classes of the pod's packets on that path in that state, in
                                any order; written as in a packets block, without a verdict and a hook, with the interfaces
                                that they have (specs/classes.md):
        PACKET [KEY=VALUE ...]

    ```answer replay [verify] [OPTIONS]
                                what `chainproof replay` (with the word `verify`: `chainproof verify --replay`) says, in
                                the real kernel; where network namespaces are not to be had, the case is skipped:
        exit N                                                          the exit code
        confirmed|not-confirmed|not-replayed N                          so many packets, or findings
        says "TEXT"                                                     as above

    ```answer layer [OPTIONS]   what `chainproof verify --layer policies` says of the blocks `yaml policies` and `yaml translation`,
                                the second set, which is no part of a snapshot:
        proved|refuted|undecided|error                                  first line; the exit code must agree
        together ANSWER         pair NAME ANSWER                        of all policies at once, of one with its translation
        missing NAME            surplus NAME                            exactly these stand alone, where any line names one
        findings N                                                      exactly so many, of pairs and beside them
        leak|blocked DIRECTION "TEXT" ...                               a finding of this kind and direction exists whose part
                                                                        of the report (in JSON) contains every text
        no leak|blocked [DIRECTION]                                     no such finding
        rests on [NAME ...]                                             as above
        says "TEXT"                                                     the report, or the error, contains TEXT

    ```selectors [namespaces|service accounts]
                                Calico's selectors, read as such or as selectors of namespaces or of service accounts:
        SELECTOR => is CANONICAL            the text from which names are hashed
        SELECTOR => set ID                  how the identity of the set of what it selects begins
        SELECTOR => holds|fails NAMESPACE/POD
        SELECTOR => holds|fails none|K=V,K=V [in NAMESPACE]     of a network set with these labels
        SELECTOR => error COLUMN "TEXT"     it is none: from this column on, and the error contains TEXT
                                A selector in double quotes is JSON, for what one cannot see.

    ```error                    the snapshot is refused (exit code 2); every line is a text that the error contains

    ```console                  commands after `$ `, run for real, with what they print; all console blocks of a page are
                                one story in one shell, in a copy of the repository's examples, so that a tutorial may
                                delete a rule. `...` on its own is any number of lines, within a line any text. A
                                command must exit 0, unless its line ends in `# exit N`. A command that asks the real
                                kernel ends in `# kernel`, or `# exit N, kernel`, and what it prints is compared only
                                where network namespaces are to be had. Commands that install this
                                project or run its tests are not run again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("specs/**/*.md", "tests/cases/**/*.md", "tests/bugs/**/*.md", "examples/**/README.md")
DEFAULT_NODE = "node-a"

WORLD = (
    "yaml cluster",
    "yaml policies",
    "yaml translation",
    "json cluster",
    "cluster",
    "counters before",
    "counters after",
)
NODE_WORLD = (
    *(f"{tool}-{form}" for tool in ("iptables", "ip6tables", "ipset") for form in ("save", "list")),
    "json addresses",
    "json routes",
    "json routes6",
)
ASSERTING = (
    "packets",
    "match",
    "match6",
    "answer verify",
    "answer explain",
    "answer layer",
    "answer replay",
    "classes",
    "profile",
    "selectors",
    "error",
)

FENCE = re.compile(r"^(`{3,})\s*(.*?)\s*$")
HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*$")
CLAUSE = re.compile(r"^([A-Z]{1,4}-\d+)\b")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its kind, the rest of its info string, its text and the line of its fence."""

    kind: str
    argument: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with the blocks right below it, and the headings that it stands under (itself last)."""

    page: Path
    title: str
    line: int
    blocks: tuple[Block, ...]
    above: tuple[Section, ...]

    @property
    def name(self) -> str:
        """What a test of this section is called."""
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.title}"

    @property
    def clauses(self) -> tuple[str, ...]:
        """The clauses that this section belongs to, outermost first."""
        found = (CLAUSE.match(section.title) for section in (*self.above, self))
        return tuple(match.group(1) for match in found if match)

    def asserting(self) -> tuple[Block, ...]:
        """The blocks of this section that assert something about its world."""
        return tuple(block for block in self.blocks if block.kind in ASSERTING)

    def world(self) -> dict[tuple[str, str], str]:
        """The world blocks in sight, by kind and argument; those with one key in one section are joined."""
        seen: dict[tuple[str, str], str] = {}
        for section in (*self.above, self):
            own: dict[tuple[str, str], str] = {}
            for block in section.blocks:
                if block.kind in WORLD or block.kind in NODE_WORLD:
                    key = block.kind, block.argument or (DEFAULT_NODE if block.kind in NODE_WORLD else "")
                    joint = "\n---\n" if block.kind.startswith("yaml") else "\n"
                    own[key] = own[key] + joint + block.text if key in own else block.text
            seen |= own
        return seen


def pages() -> list[Path]:
    """Every executable page, sorted."""
    return sorted({page for pattern in PAGES for page in ROOT.glob(pattern)})


def sections(page: Path) -> list[Section]:
    """The sections of a page in order; text before the first heading belongs to none."""
    found: list[Section] = []
    stack: list[tuple[int, Section]] = []
    for level, title, line, blocks in _raw_sections(page):
        while stack and stack[-1][0] >= level:
            stack.pop()
        section = Section(page, title, line, blocks, tuple(above for _, above in stack))
        stack.append((level, section))
        found.append(section)
    return found


def _raw_sections(page: Path) -> Iterator[tuple[int, str, int, tuple[Block, ...]]]:
    heading: tuple[int, str, int] | None = None
    blocks: list[Block] = []
    lines = iter(enumerate(page.read_text("utf-8").splitlines(), 1))
    for number, line in lines:
        if fence := FENCE.match(line):
            blocks.append(_block(fence, number, lines, page))
        elif match := HEADING.match(line):
            if heading:
                yield *heading, tuple(blocks)
            heading, blocks = (len(match.group(1)), match.group(2), number), []
    if heading:
        yield *heading, tuple(blocks)


def _block(fence: re.Match[str], number: int, lines: Iterator[tuple[int, str]], page: Path) -> Block:
    kind, argument = _kind(fence.group(2))
    text: list[str] = []
    for _, line in lines:
        if line.startswith(fence.group(1)) and not line.strip("` "):
            return Block(kind, argument, "\n".join(text) + "\n", number)
        text.append(line)
    raise ValueError(f"{page}:{number}: this fenced block is never closed")


def _kind(info: str) -> tuple[str, str]:
    """The kind that an info string begins with and what follows it; unknown kinds are prose."""
    for kind in sorted((*WORLD, *NODE_WORLD, *ASSERTING, "console"), key=len, reverse=True):
        if info == kind or info.startswith(kind + " "):
            return kind, info[len(kind) :].strip()
    return info, ""
