"""The session selects, asks node by node, and never calls proved what nobody asked."""

from __future__ import annotations

import gc

import pytest

from tests.unit.reports import sample
from verifier import session
from verifier.model.cluster import Cluster, Node, Workload
from verifier.model.disagreement import Disagreement
from verifier.model.finding import Answer, Question
from verifier.model.node import NodeState
from verifier.model.options import VerifyOptions
from verifier.model.origin import InputError, Origin
from verifier.model.path import Path
from verifier.model.snapshot import Snapshot
from verifier.questions.verify import NodeVerdict

HERE = Origin("cluster/all.yaml", 1)


def verdict(answer: Answer, *asked: Question) -> NodeVerdict:
    return NodeVerdict(answer, asked, (), (), ("other-protocols",), (), ())


class Engine:
    """Answers node by node what a test prescribes, and remembers what it was asked."""

    def __init__(self, **answers: Answer) -> None:
        self.answers = {name.replace("_", "-"): answer for name, answer in answers.items()}
        self.asked: list[tuple[str, VerifyOptions]] = []

    def __call__(
        self, _snapshot: Snapshot, node: NodeState, _profile: object, options: VerifyOptions, _progress: object
    ) -> NodeVerdict:
        self.asked.append((node.name, options))
        answer = self.answers[node.name]
        return verdict(answer, Question("shop/web-0", Path.POD_TO_POD, 4, answer))


def world(monkeypatch: pytest.MonkeyPatch, engine: Engine, *nodes: str, cluster: Cluster = sample.CLUSTER) -> None:
    snapshot = Snapshot("snap", cluster, tuple(NodeState(name) for name in nodes), ())
    monkeypatch.setattr(session, "read_snapshot", lambda _path: snapshot)
    monkeypatch.setattr(session, "verify_node", engine)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (Answer.PROVED, Answer.PROVED, Answer.PROVED),
        (Answer.PROVED, Answer.UNDECIDED, Answer.UNDECIDED),
        (Answer.UNDECIDED, Answer.REFUTED, Answer.REFUTED),
        (Answer.REFUTED, Answer.PROVED, Answer.REFUTED),
    ],
)
def test_the_worst_node_decides(one: Answer, other: Answer, both: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    world(monkeypatch, Engine(node_a=one, node_b=other), "node-a", "node-b")
    assert session.verify("snap", VerifyOptions()).answer is both


def test_a_node_without_pods_is_not_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(node_a=Answer.PROVED)
    world(monkeypatch, engine, "node-a", "node-c")
    report = session.verify("snap", VerifyOptions())
    assert report.answer is Answer.UNDECIDED
    assert "nothing to ask" in report.nodes[1].notes[0]


def test_no_question_is_not_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    world(monkeypatch, Engine(), "node-a")
    monkeypatch.setattr(session, "verify_node", lambda *_arguments: verdict(Answer.PROVED))
    assert session.verify("snap", VerifyOptions()).answer is Answer.UNDECIDED


def test_only_the_nodes_of_the_chosen_pods_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(node_a=Answer.PROVED, node_b=Answer.PROVED)
    world(monkeypatch, engine, "node-a", "node-b")
    session.verify("snap", VerifyOptions(pods=("dev/other",)))
    assert [name for name, _ in engine.asked] == ["node-b"]


def test_the_time_is_for_all_nodes_together(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(node_a=Answer.PROVED, node_b=Answer.PROVED)
    world(monkeypatch, engine, "node-a", "node-b")
    session.verify("snap", VerifyOptions(timeout=1000))
    first, second = (options.timeout or 0 for _, options in engine.asked)
    assert 0 < second < first <= 1000


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (VerifyOptions(nodes=("node-x",)), "no node 'node-x'.*node-a"),
        (VerifyOptions(pods=("shop/nobody",)), "no pod 'shop/nobody'.*dev/probe"),
        (VerifyOptions(pods=("dev/other",)), "'dev/other' cannot be verified.*'node-b'"),
        (VerifyOptions(families=(6,)), "IPv6"),
        (VerifyOptions(compiler="no-such"), "no compiler.*kube-router"),
    ],
)
def test_a_selection_that_leaves_nothing_is_bad_input(
    options: VerifyOptions, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world(monkeypatch, Engine(node_a=Answer.PROVED), "node-a")
    with pytest.raises(InputError, match=told):
        session.verify("snap", options)


@pytest.mark.parametrize(
    ("cluster", "nodes", "told"),
    [
        (sample.CLUSTER, (), "no node's rules"),
        (Cluster(), ("node-a",), "real pods"),
        (Cluster(workloads=(Workload("Job", "a", "b", {}, (), False, None, HERE),)), ("node-a",), "1 Job"),
        (sample.CLUSTER, ("node-z",), "no pod is on node-z.*node-a, node-b"),
    ],
)
def test_a_snapshot_that_answers_nothing_is_bad_input(
    cluster: Cluster, nodes: tuple[str, ...], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world(monkeypatch, Engine(), *nodes, cluster=cluster)
    with pytest.raises(InputError, match=told):
        session.verify("snap", VerifyOptions())


def test_addresses_of_a_node_come_from_both_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node("node-a", ((4, sample.NODE_ADDRESS),), HERE)
    cluster = Cluster(sample.CLUSTER.namespaces, sample.PODS, {"node-a": node})
    world(monkeypatch, Engine(node_a=Answer.PROVED), "node-a", cluster=cluster)
    assert session.verify("snap", VerifyOptions()).nodes[0].addresses == ((4, sample.NODE_ADDRESS),)


def test_collections_go_on_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> NodeVerdict:
        assert not gc.isenabled()
        raise Disagreement("two readings")

    world(monkeypatch, Engine(), "node-a")
    monkeypatch.setattr(session, "verify_node", fail)
    with pytest.raises(Disagreement):
        session.verify("snap", VerifyOptions())
    assert gc.isenabled()
