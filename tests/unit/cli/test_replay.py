"""What the kernel says decides the exit code, and the report is whole whatever it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.corpus_path import ROOT
from verifier.cli.main import run
from verifier.cli.replay import EXIT
from verifier.compilers import recognise
from verifier.evidence.kernel.records import Loaded, Seen, SeenStep, Shot, Stage, Unavailable
from verifier.model.effect import Verdict
from verifier.model.replay import Backend, Outcome, worst
from verifier.readers.snapshot import read_snapshot
from verifier.reference.chains import walk
from verifier.reference.view import view_of
from verifier.session import kernel as replaying

SCHEMAS = {
    name: json.loads((ROOT / "specs" / f"{name}.schema.json").read_text("utf-8")) for name in ("replay", "verify")
}
CLUSTER = """\
apiVersion: v1
kind: Node
metadata: {name: node-a}
status: {addresses: [{type: InternalIP, address: 192.168.0.10}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {nodeName: node-a}
status: {phase: Running, podIPs: [{ip: 10.0.0.2}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: shop, labels: {app: client}}
spec: {nodeName: node-b}
status: {phase: Running, podIPs: [{ip: 10.0.0.3}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress]
"""
RULES = """\
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -d 10.0.0.2/32 -p udp -j DROP
-A FORWARD -d 10.0.0.2/32 -p sctp -j DROP
-A OUTPUT -d 10.0.0.2/32 -p udp -j DROP
COMMIT
"""
ONE = ("--from", "shop/client", "--to", "shop/web", "--port", "tcp/80")


@pytest.fixture
def folder(tmp_path: Path) -> str:
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster" / "all.yaml").write_text(CLUSTER)
    (tmp_path / "nodes" / "node-a").mkdir(parents=True)
    (tmp_path / "nodes" / "node-a" / "iptables-save").write_text(RULES)
    return str(tmp_path)


class Mirror:
    """A kernel that answers as the reference walks, as far as `changed` leaves it."""

    def __init__(self, path: str, changed: Callable[[Seen], Seen]) -> None:
        snapshot = read_snapshot(path)
        self.node = snapshot.nodes[0]
        self.view = view_of(self.node, snapshot.cluster, recognise(self.node).bridge(self.node))
        self.changed = changed

    def load(self, _family: int, _rules: str, _sets: str) -> Loaded:
        return Loaded()

    def ask(self, shots: Sequence[Shot]) -> list[Seen]:
        answers = []
        for shot in shots:
            trace = walk(shot.packet, shot.path, self.node, self.view)
            steps = tuple(SeenStep(s.table, s.chain, s.number or None, s.mark_after) for s in trace.steps)
            answers.append(self.changed(Seen(trace.verdict, "", trace.mark, steps)))
        return answers


def kernel(path: str, monkeypatch: pytest.MonkeyPatch, changed: Callable[[Seen], Seen] = lambda seen: seen) -> None:
    @contextmanager
    def opened(_stage: Stage, _backend: Backend) -> Iterator[Mirror]:
        yield Mirror(path, changed)

    monkeypatch.setattr(replaying, "opened", opened)


def contrary(seen: Seen) -> Seen:
    return replace(seen, verdict=Verdict.DROP if seen.verdict is Verdict.ACCEPT else Verdict.ACCEPT)


def unsent(_seen: Seen) -> Seen:
    return Seen(None, "routing refuses such a packet")


def nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(_stage: Stage, _backend: Backend) -> Mirror:
        raise Unavailable("no namespaces here; allow user namespaces")

    monkeypatch.setattr(replaying, "opened", opened)


def document(command: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, SCHEMAS[command], cls=jsonschema.Draft202012Validator)
    return found


@pytest.mark.exercises("REP-6")
def test_only_what_is_confirmed_throughout_ends_with_0() -> None:
    """Every way in which up to four answers can turn out, and no answer at all."""
    for number in range(5):
        for outcomes in product(Outcome, repeat=number):
            code = EXIT[worst(outcomes)]
            assert (code == 4) is (Outcome.NOT_CONFIRMED in outcomes)
            assert (code == 0) is (set(outcomes) == {Outcome.CONFIRMED})
            assert code in (0, 3, 4)


@pytest.mark.exercises("REP-6")
@pytest.mark.parametrize("packets", [(), ONE, ("--all-classes",)], ids=["findings", "one packet", "all classes"])
@pytest.mark.parametrize(
    ("changed", "code", "outcome"),
    [(lambda seen: seen, 0, "confirmed"), (contrary, 4, "not-confirmed"), (unsent, 3, "not-replayed")],
    ids=["confirmed", "contradicted", "not sent"],
)
def test_the_exit_code_is_what_the_kernel_says(
    packets: tuple[str, ...],
    changed: Callable[[Seen], Seen],
    code: int,
    outcome: str,
    folder: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kernel(folder, monkeypatch, changed)
    assert run(["replay", folder, *packets, "--format", "json"]) == code
    found = document("replay", capsys)
    assert found["outcome"] == outcome
    assert found["nodes"][0]["packets"]
    assert run(["replay", folder, *packets]) == code
    assert capsys.readouterr().out.startswith(outcome.replace("-", " "))


def test_a_packet_that_no_back_end_was_given_is_told_once(
    folder: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With both back ends, for their reason; and all notes stand together at the end."""
    kernel(folder, monkeypatch, unsent)
    (Path(folder) / "nodes/node-a/unknown.txt").write_text("")
    assert run(["replay", folder, "--backend", "both"]) == 3
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert "all 2 packets are not replayed (IPv4, kernel: nft and legacy)" in lines[0]
    assert lines.count("not replayed: 2 packets with nft and legacy: routing refuses such a packet") == 1
    assert sum(" -> " in line for line in lines) == 2
    assert lines.count("notes") == 1


def test_one_packet_that_was_not_sent_is_not_hidden_by_the_others(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts = iter([True])
    kernel(folder, monkeypatch, lambda seen: unsent(seen) if next(verdicts, False) else seen)
    assert run(["replay", folder, "--all-classes"]) == 3


def test_without_namespaces_the_report_says_so(
    folder: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing(monkeypatch)
    assert run(["replay", folder]) == 3
    assert "no namespaces here; allow user namespaces" in " ".join(capsys.readouterr().out.split())
    assert run(["verify", folder, "--replay"]) == 3
    out = " ".join(capsys.readouterr().out.split())
    assert out.startswith("refuted")
    assert "no namespaces here; allow user namespaces" in out
    assert run(["verify", folder]) == 1


@pytest.mark.exercises("REP-7")
@pytest.mark.parametrize(
    ("changed", "code", "outcome"),
    [(lambda seen: seen, 1, "confirmed"), (contrary, 4, "not-confirmed"), (unsent, 3, "not-replayed")],
)
def test_verify_marks_every_finding(
    changed: Callable[[Seen], Seen],
    code: int,
    outcome: str,
    folder: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kernel(folder, monkeypatch, changed)
    assert run(["verify", folder, "--replay", "--backend", "both", "--format", "json"]) == code
    found = document("verify", capsys)
    assert found["answer"] == "refuted"
    findings = found["nodes"][0]["findings"]
    assert {finding["replay"]["outcome"] for finding in findings} == {outcome}
    assert {each["backend"] for finding in findings for each in finding["replay"]["kernel"]} == {"nft", "legacy"}
    assert run(["verify", folder, "--replay"]) == code
    out = capsys.readouterr().out
    assert f"kernel   {outcome.replace('-', ' ')} (nft: " in out


def test_a_finding_that_the_kernel_contradicts_is_told_first(
    folder: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kernel(folder, monkeypatch, contrary)
    run(["verify", folder, "--replay"])
    lines = [line for line in capsys.readouterr().out.splitlines() if line]
    assert "not confirmed (nft: the kernel drops it, and it should be accepted" in lines[2]


def test_one_finding_by_its_id(
    folder: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kernel(folder, monkeypatch)
    run(["replay", folder, "--format", "json"])
    names = [packet["name"] for packet in document("replay", capsys)["nodes"][0]["packets"]]
    assert len(names) == 2
    assert run(["replay", folder, "--finding", names[0], "--format", "json"]) == 0
    assert [packet["name"] for packet in document("replay", capsys)["nodes"][0]["packets"]] == names[:1]
    assert run(["replay", folder, "--finding", "leak-none"]) == 2
    assert "leak-none" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("replay", "--from", "shop/client"), "--to, --port missing"),
        (("replay", *ONE, "--all-classes"), "leave out --from"),
        (("replay", *ONE, "--pod", "shop/web"), "leave out --from"),
        (("replay", "--all-classes", "--finding", "leak-1"), "exclude each other"),
        (("replay", "--from", "shop/client", "--to", "8.8.8.8", "--port", "tcp/80"), "a node judges its own pods only"),
        (("verify", "--backend", "nft"), "--backend belongs to --replay"),
    ],
)
def test_what_does_not_go_together_is_said(
    arguments: tuple[str, ...], told: str, folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([arguments[0], folder, *arguments[1:]]) == 2
    assert told in capsys.readouterr().err


def test_only_nodes_that_judge_the_packet_are_asked(
    folder: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Path(folder) / "nodes" / "node-b"
    other.mkdir()
    (other / "iptables-save").write_text(RULES)
    (Path(folder) / "cluster" / "nodes.yaml").write_text("apiVersion: v1\nkind: Node\nmetadata: {name: node-b}\n")
    kernel(folder, monkeypatch)
    packet = ("--from", "8.8.8.8", "--to", "shop/web", "--port", "tcp/80")
    assert run(["replay", folder, *packet, "--format", "json"]) == 0
    assert [node["node"] for node in document("replay", capsys)["nodes"]] == ["node-a"]


def test_what_verify_leaves_undecided_is_said(
    folder: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = RULES.replace("-A FORWARD -d", "-A FORWARD -m recent --rcheck --name seen -j DROP\n-A FORWARD -d", 1)
    (Path(folder) / "nodes" / "node-a" / "iptables-save").write_text(rules)
    kernel(folder, monkeypatch)
    assert run(["replay", folder, "--pod", "shop/web", "--path", "remote-to-pod"]) == 3
    out = " ".join(capsys.readouterr().out.split())
    assert "verify finds nothing, so there is nothing to replay (undecided)" in out
    assert "verify leaves 1 of 1 questions undecided" in out
