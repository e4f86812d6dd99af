"""The packets of a section's `packets`, `match` and `match6` blocks, each with the world that it is sent into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.literate import DEFAULT_NODE, Block, Section
from tests.pages import world
from tests.pages.lines import PacketLine, parse_line
from verifier.model import path as paths
from verifier.model.effect import Verdict
from verifier.model.node import NodeState
from verifier.model.packet import Packet
from verifier.model.policy import Direction
from verifier.model.snapshot import Snapshot
from verifier.readers.snapshot import read_snapshot

HOOKS = {
    "forward": paths.Path.REMOTE_TO_POD,
    "input": paths.Path.POD_TO_NODE,
    "output": paths.Path.NODE_TO_POD,
}
VERDICTS = {"accept": Verdict.ACCEPT, "drop": Verdict.DROP, "unknown": None}
JUDGEMENTS = {"allow": True, "deny": False, "any": None}
DIRECTIONS = {"ingress": Direction.INGRESS, "egress": Direction.EGRESS, "both": None}
MATCHES = {"yes": Verdict.DROP, "no": Verdict.ACCEPT, "unknown": None}
FAMILY_FILES = {"match": "iptables-save", "match6": "ip6tables-save"}
JUDGED = ("packets", "match", "match6")


@dataclass(frozen=True, slots=True)
class Posed:
    """A line: at `number` of its page, about a packet that enters `hook` of a node ("": the policies are asked).

    `expected` is the verdict of the chains, None for unknown; `folder` the snapshot on disk.
    """

    number: int
    line: PacketLine
    folder: Path
    snapshot: Snapshot
    hook: str
    expected: Verdict | None = None

    @property
    def packet(self) -> Packet:
        """The packet of the line."""
        return self.line.packet(self.snapshot.cluster, self.hook or "forward")

    @property
    def path(self) -> paths.Path:
        """The way that a packet takes from its hook."""
        return HOOKS[self.hook]

    @property
    def node(self) -> NodeState:
        """The node of the line: the one named, else the only one, else the default one."""
        name = self.line.options.get("node", DEFAULT_NODE)
        if "node" not in self.line.options and len(self.snapshot.nodes) == 1:
            return self.snapshot.nodes[0]
        return next((node for node in self.snapshot.nodes if node.name == name), NodeState(name))


def lines(block: Block) -> Iterator[tuple[int, PacketLine]]:
    """The lines of a block that say something, with their numbers in the page."""
    for number, line in enumerate(block.text.splitlines(), block.line + 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, parse_line(line)


def posed(section: Section, folder: Path) -> Iterator[Posed]:
    """Every line of the section's blocks about packets; their snapshots are written below `folder`."""
    for place, block in enumerate(block for block in section.blocks if block.kind in JUDGED):
        if block.kind == "packets":
            written = world.write_snapshot(section, folder / str(place))
            snapshot = read_snapshot(str(written))
            for number, line in lines(block):
                hook = line.words[1] if line.words[0] in VERDICTS else ""
                yield Posed(number, line, written, snapshot, hook, VERDICTS.get(line.words[0]))
        else:
            yield from _matches(block, section, folder / str(place))


def _matches(block: Block, section: Section, folder: Path) -> Iterator[Posed]:
    """The lines of a match block: each is sent to the hook that has the match as its first rule, which drops."""
    snapshots: dict[str, tuple[Path, Snapshot]] = {}
    for number, line in lines(block):
        hook = line.options.get("hook", "forward")
        if hook not in snapshots:
            rule = f"-A {hook.upper()} {block.argument} -j DROP\n"
            written = world.write_snapshot(section, folder / hook, {FAMILY_FILES[block.kind]: rule})
            snapshots[hook] = written, read_snapshot(str(written))
        yield Posed(number, line, *snapshots[hook], hook, MATCHES[line.words[0]])
