"""What a repaired node is asked: only what was found, within the time that is left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.reports import sample
from verifier.compilers.kube_router import MODULE as KUBE_ROUTER
from verifier.model.finding import Answer, Reason
from verifier.model.node import NodeState
from verifier.model.options import VerifyOptions
from verifier.model.path import Path
from verifier.model.snapshot import Snapshot
from verifier.questions import cause
from verifier.questions.variants import Alone
from verifier.questions.verify import NodeVerdict

NODE = NodeState("node-a")
SNAPSHOT = Snapshot("snap", sample.CLUSTER, (NODE,), ())


def asked(
    monkeypatch: pytest.MonkeyPatch, options: VerifyOptions, doubts: tuple[str, ...] = ()
) -> tuple[cause.Asking, list[VerifyOptions]]:
    """A node whose own rules alone differ from no policy, as far as `doubts` let it be decided."""
    seen: list[VerifyOptions] = []
    keys = [(pod, sample.LEAK.path, sample.LEAK.family) for pod in sample.LEAK.pods]

    def engine(_snapshot: object, _node: object, _profile: object, used: VerifyOptions, **_: object) -> NodeVerdict:
        seen.append(used)
        known = dict.fromkeys(keys, doubts) if doubts else {}
        return NodeVerdict(Answer.PROVED, (), (), (), (), (), (), known)

    monkeypatch.setattr(cause, "verify_node", engine)
    by_itself = Alone(replace(NODE, name="repaired"), frozenset(), ())
    return cause.Asking(SNAPSHOT, NODE, KUBE_ROUTER, options, [sample.LEAK], {}, by_itself), seen


def test_what_the_repaired_node_does_rightly_has_that_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    asking, seen = asked(monkeypatch, VerifyOptions(timeout=5.0, bits=True))
    (part,) = asking.parts(sample.LEAK)
    assert part.reasons == (Reason.FOREIGN,)
    assert part.region == sample.LEAK.region
    asking.parts(sample.LEAK)
    (used,) = seen
    assert (used.paths, used.families, used.bits) == ((sample.LEAK.path,), (sample.LEAK.family,), False)
    assert used.timeout is not None
    assert used.timeout <= 5.0
    assert Path.POD_TO_NODE not in used.paths


def test_what_is_not_decided_there_is_not_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    asking, _ = asked(monkeypatch, VerifyOptions(), ("the time limit was reached",))
    (part,) = asking.parts(sample.LEAK)
    assert part.reasons == (Reason.OPEN,)
    assert part.because == ("the time limit was reached",)
