"""The kernel treats recorded pods' packets as the reference does, with both back ends: every rule, mark and verdict.

One packet of every class of the packets of three pods is sent through the recorded rules; where there is much to ask, of
one pod, and of none of the largest nodes, unless CHAINPROOF_FUZZ=long.
"""

from __future__ import annotations

import os

import pytest

from tests.corpus_path import corpus
from verifier.compilers import recognise
from verifier.evidence.kernel.client import Kernel, unavailable
from verifier.evidence.replay import Asked, Replayer
from verifier.model.options import VerifyOptions, silent
from verifier.model.path import Path
from verifier.model.replay import Backend, Outcome
from verifier.model.replay_report import Replayed
from verifier.questions.representatives import representatives
from verifier.readers.dumps import read_dumps
from verifier.readers.snapshot import read_snapshot

LONG = os.environ.get("CHAINPROOF_FUZZ") == "long"
RECORDINGS = {
    "azure": ("features", "scale", "scale-small", "seed", "shop", "shop-services", "shop-services-proxy-last"),
    "calico": (
        "features", "features-dual", "scale", "scale-small", "seed", "seed-mask", "seed-v331", "shop", "shop-drop",
        "shop-nft", "shop-services", "shop-services-proxy-late", "shop-tiers",
    ),
    "kube-router": (
        "features", "features-dual", "scale", "scale-small", "seed", "shop", "shop-services",
        "shop-services-proxy-last",
    ),
    "weave": (
        "features", "features-numeric", "scale", "scale-small", "scale-small-numeric", "seed", "shop", "shop-numeric",
        "shop-services",
    ),
}  # fmt: skip
ALL = [(compiler, name) for compiler, names in RECORDINGS.items() for name in names]


def _pods(names: list[str], recording: str) -> tuple[str, ...]:
    """The first, the middle and the last pod; where there is much to ask of each, in the bounded run, the middle one."""
    chosen = (names[0], names[len(names) // 2], names[-1])
    return chosen[1:2] if recording.startswith(("scale", "shop-services")) and not LONG else chosen


def _replayed(compiler: str, recording: str, backend: Backend) -> tuple[Replayed, ...]:
    snapshot = read_snapshot(str(corpus(compiler, recording)))
    (node,) = snapshot.nodes
    profile = recognise(node)
    names = [pod.full_name for pod in snapshot.cluster.pods if pod.node == node.name and pod.has_traffic]
    options = VerifyOptions(pods=_pods(names, recording))
    asked = [Asked(each.pod, each.path, each.packet) for each in representatives(snapshot, node, profile, options)]
    replayer = Replayer(snapshot, node, profile, read_dumps(snapshot, node), (backend,), Kernel)
    return replayer.replay(asked, silent).packets


@pytest.mark.exercises("REP-1")
@pytest.mark.parametrize("backend", Backend, ids=lambda backend: backend.value)
@pytest.mark.parametrize("parts", ALL, ids="/".join)
def test_the_kernel_agrees(parts: tuple[str, str], backend: Backend) -> None:
    """Every packet is brought about and confirmed, on every path."""
    compiler, recording = parts
    if recording == "scale" and not LONG:
        pytest.skip("the largest nodes are asked with CHAINPROOF_FUZZ=long only")
    corpus(compiler, recording)
    if reason := unavailable(backend):
        pytest.skip(reason)
    packets = _replayed(compiler, recording, backend)
    faults = [
        f"{each.name} {each.path.value} {each.packet}: {replay.reason}"
        for each in packets
        for replay in each.replays
        if replay.outcome is not Outcome.CONFIRMED
    ]
    assert not faults, f"{len(faults)} of {len(packets)}\n" + "\n".join(faults[:5])
    assert {each.path for each in packets} == set(Path)


def test_every_recording_is_asked() -> None:
    """A recording that is added is added here."""
    found = {(folder.parent.name, folder.name) for folder in corpus().glob("*/*") if (folder / "nodes").exists()}
    assert found == set(ALL)
