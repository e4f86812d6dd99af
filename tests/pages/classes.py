"""The representatives of a pod's packets, held against a classes block."""

from __future__ import annotations

from tests.pages.lines import parse_line
from verifier.compilers import recognise
from verifier.model.fields import ConnState
from verifier.model.options import VerifyOptions
from verifier.model.path import Path
from verifier.model.snapshot import Snapshot
from verifier.questions.representatives import representatives

HOOKS = {Path.NODE_TO_POD: "output", Path.POD_TO_NODE: "input"}


def check_classes(text: str, argument: str, snapshot: Snapshot) -> list[str]:
    """What differs from the block, [] where nothing does."""
    pod, path, state = argument.split()
    way = Path(path)
    (node,) = snapshot.nodes
    found = [
        each.packet
        for each in representatives(snapshot, node, recognise(node), VerifyOptions(pods=(pod,), paths=(way,)))
        if each.packet.state is ConnState[state]
    ]
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    written = [parse_line(line).packet(snapshot.cluster, HOOKS.get(way, "forward")) for line in lines]
    missing = [f"no class has {line!r}" for line, packet in zip(lines, written, strict=True) if packet not in found]
    more = [f"a class has {packet}" for packet in found if packet not in written]
    twice = [f"two classes have {packet}" for number, packet in enumerate(found) if packet in found[:number]]
    return [*missing, *more, *twice]
