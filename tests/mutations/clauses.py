"""Seeded bugs in the worlds of executable pages: what becomes of what a section asks, and what with one of them.

The kinds are those of the recordings that change single rules, sets and policies; whatever changes a whole table is left
out, since every page would notice it.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests import judges
from tests.literate import DEFAULT_NODE, Section
from tests.mutations import Edit, Files, Kind, cluster, other_policies, rules, sets, write
from tests.pages.answer import run
from tests.pages.posed import DIRECTIONS, JUDGED, Posed, posed
from tests.pages.profile import check_profile
from tests.pages.world import write_snapshot
from verifier.model.node import NodeState
from verifier.model.snapshot import Snapshot
from verifier.readers.snapshot import read_snapshot

WHOLE = ("all sets gone",)
SAID_OTHERWISE = re.compile(
    r"(?<= )(?P<not>! )?(?P<option>-[fiods]|--(?!comment|log|reject|set|save|restore)[a-z-]+)(?= |$)"
)
"""An option that a rule asks for, perhaps inverted."""


def written(change: Callable[[str], str]) -> Kind:
    """Each line of a dump or listing, whatever its form, with a change that it admits."""

    def kind(files: Files) -> Iterator[Edit]:
        for file in sorted(name for name in files if re.search(r"/(ip6?tables|ipset)-(save|list)$", name)):
            for number, line in enumerate(files[file].split("\n")):
                if line.strip() and (new := change(line)) != line:
                    yield Edit(file, number, number + 1, (new,))

    return kind


def _inverted(line: str) -> str:
    return SAID_OTHERWISE.sub(lambda m: f"{'' if m['not'] else '! '}{m['option']}", line, count=1)


WRITTEN: dict[str, Kind] = {
    "a line is lost": written(lambda line: "" if line[:1] not in "*:CN$" else line),
    "dropped is accepted": written(lambda line: re.sub(r"\b(DROP|REJECT)(?= |$).*", "ACCEPT", line)),
    "accepted is dropped": written(lambda line: re.sub(r"\bACCEPT\b", "DROP", line)),
    "an option is inverted": written(_inverted),
    "an inversion is lost": written(lambda line: line.replace(" --invert", "").replace("! ", "", 1)),
}
KINDS: dict[str, Kind] = {
    name: kind
    for name, kind in {**rules.KINDS, **sets.KINDS, **cluster.KINDS, **other_policies.KINDS, **WRITTEN}.items()
    if name not in WHOLE
}
CLUSTER_FILES = {
    ("networking.k8s.io", "NetworkPolicy"): cluster.POLICIES,
    ("v1", "Pod"): cluster.PODS,
    ("v1", "Namespace"): cluster.NAMESPACES,
}
"""Where the kinds look for objects of a kind, by the group of its version; all others are with the others."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A world of a section: its files, its lines about packets, the options of its questions to verify, and what it
    says of profiles, by node."""

    files: Files
    lines: tuple[Posed, ...] = ()
    questions: tuple[str, ...] = ()
    profiles: tuple[tuple[str, str], ...] = ()

    def outcome(self, files: Files, folder: Path) -> object:
        """What becomes of the packets, what verify answers and what of the profiles does not hold, with these files.

        Raises InputError where they cannot be read.
        """
        write(files, folder)
        snapshot = read_snapshot(str(folder))
        reference = judges.load("reference")
        told: list[object] = []
        for each in self.lines:
            node = _node(snapshot, each.node.name)
            if each.hook:
                found = reference.chains(each.packet, each.path, node, snapshot.cluster)
                told.append((found.verdict, found.mark))
            else:
                direction = DIRECTIONS[each.line.words[1]]
                told.append(reference.policies(each.packet, node, snapshot.cluster, direction))
        told += [check_profile(text, _node(snapshot, name), snapshot.cluster) for name, text in self.profiles]
        return told + [_answers(folder, options) for options in self.questions]


def _node(snapshot: Snapshot, name: str) -> NodeState:
    return next((node for node in snapshot.nodes if node.name == name), NodeState(name))


def trials(section: Section, folder: Path) -> Iterator[Trial]:
    """The worlds of a section."""
    lines: dict[Path, list[Posed]] = {}
    if any(block.kind in JUDGED for block in section.blocks):
        for each in posed(section, folder / "posed"):
            lines.setdefault(each.folder, []).append(each)
    for written, members in lines.items():
        yield Trial(_files(written), tuple(members))
    questions = tuple(block.argument for block in section.blocks if block.kind == "answer verify")
    profiles = tuple(
        (block.argument or DEFAULT_NODE, block.text) for block in section.blocks if block.kind == "profile"
    )
    if questions or profiles:
        yield Trial(_files(write_snapshot(section, folder / "whole")), questions=questions, profiles=profiles)


def _files(folder: Path) -> dict[str, str]:
    """The files of a snapshot, its objects in the files where the kinds of bugs look for them."""
    found = {name: [] for name in (*CLUSTER_FILES.values(), other_policies.OTHERS)}  # type: dict[str, list[object]]
    for file in sorted((folder / "cluster").iterdir()):
        for document in yaml.load_all(file.read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            listed = document["items"] if document and document.get("kind") == "List" else [document]
            for item in listed if document else ():
                kind = str(item.get("apiVersion", "")).partition("/")[0], item.get("kind", "")
                found[CLUSTER_FILES.get(kind, other_policies.OTHERS)].append(item)
    files = {name: json.dumps({"apiVersion": "v1", "kind": "List", "items": items}) for name, items in found.items()}
    for place in sorted((folder / "nodes").glob("*/*")) if (folder / "nodes").exists() else ():
        files[place.relative_to(folder).as_posix()] = place.read_text("utf-8")
    return files


def _answers(folder: Path, options: str) -> object:
    """What verify says: the answers and the regions of what differs."""
    done = run("verify", str(folder), "--format", "json", *shlex.split(options))
    if done.code not in (0, 1, 3):
        return done.errors
    nodes = json.loads(done.output)["nodes"]
    return [
        [[question["answer"] for question in node["questions"]] for node in nodes],
        [[finding["kind"], finding["path"], finding["region"]] for node in nodes for finding in node["findings"]],
    ]
