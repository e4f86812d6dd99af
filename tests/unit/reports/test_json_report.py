"""The JSON report is what its schema and its page say."""

from __future__ import annotations

import json
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.corpus_path import ROOT
from tests.unit.reports import sample
from verifier.cli.main import run
from verifier.model.fields import ConnState
from verifier.model.finding import Answer, Box, Kind, VerifyReport
from verifier.model.origin import Origin
from verifier.model.packet import FREE_INTERFACE
from verifier.model.trace import Step
from verifier.reports import report
from verifier.reports.files import Files
from verifier.reports.json_report import box_documents
from verifier.reports.report import Style

SCHEMA = json.loads((ROOT / "specs" / "verify.schema.json").read_text("utf-8"))
ICMP_ECHO = (0x800, 0x8FF)


def written(outcome: VerifyReport) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(report("json").render(outcome, Style()))
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    return document


@pytest.mark.parametrize("answer", list(Answer))
def test_every_answer_fits_the_schema(answer: Answer) -> None:
    findings = (sample.LEAK,) if answer is Answer.REFUTED else ()
    reasons = ("nodes/node-a/iptables-save:3: -m recent",) if answer is Answer.UNDECIDED else ()
    node = sample.node_report(answer, *findings, questions=sample.questions(answer, *reasons))
    assert written(sample.verify_report(node, notes=("cluster/ has 3 Secret, not read",)))["answer"] == answer.value


def test_who_applies_the_policies_is_told_where_it_is_not_the_rules() -> None:
    node = sample.node_report(Answer.PROVED)
    assert "enforcement" not in written(sample.verify_report(node))["nodes"][0]
    told = written(sample.verify_report(replace(node, enforcement="nothing applies policies")))
    assert told["nodes"][0]["enforcement"] == "nothing applies policies"


def test_schema_is_a_schema_and_refuses_an_unknown_member() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    document = written(sample.refuted())
    document["nodes"][0]["findings"][0]["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)


def test_finding_has_its_packet_rules_and_policies_with_places() -> None:
    finding = written(sample.refuted())["nodes"][0]["findings"][0]
    assert finding["witness"]["source"] == "10.244.2.5"
    assert finding["witness"]["source_pod"] == "dev/other"
    assert finding["witness"]["destination_port"] == 22
    assert finding["rules"] == [
        {
            "role": "decides", "table": "filter", "chain": "POD-FW-1", "number": 3,
            "file": "nodes/node-a/iptables-save", "line": 12, "text": "-A POD-FW-1 -p tcp -j ACCEPT",
        }
    ]  # fmt: skip
    assert finding["policies"][0]["policy"] == "shop/api"
    assert finding["policies"][0]["rule"] is None
    assert finding["policies"][0]["line"] == 3
    assert finding["trace"]["chains"]["steps"][1]["mark_after"] == 0x10000


def test_a_rule_that_should_have_matched_says_so_and_where_it_stands() -> None:
    rule = replace(sample.ACCEPT, text="-A POD-FW-2 -p udp -j ACCEPT")
    step = Step("filter", "POD-FW-2", 5, rule, 0, 0)
    finding = replace(sample.LEAK, rules=(sample.ACCEPT, rule), places=(step,), missed=(rule,))
    decides, missed = written(sample.refuted(finding))["nodes"][0]["findings"][0]["rules"]
    assert (decides["role"], missed["role"]) == ("decides", "missed")
    assert (missed["table"], missed["chain"], missed["number"]) == ("filter", "POD-FW-2", 5)


def test_files_are_told_by_their_place_in_the_snapshot() -> None:
    """However the snapshot was addressed; a path that no file that was read has stays as it is."""
    files = Files(["cluster/a.yaml", "nodes/n/iptables-save", "nodes/n/nodes/n/iptables-save"])
    for root in ("", "../x/", "/tmp/cluster/", "snap.tar.gz/"):
        assert files.of(Origin(f"{root}cluster/a.yaml", 3)) == "cluster/a.yaml"
    assert files.of(Origin("x/nodes/n/nodes/n/iptables-save")) == "nodes/n/nodes/n/iptables-save"
    assert files.of(Origin("other.yaml")) == "other.yaml"


def test_a_directory_and_its_archive_give_the_same_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(ROOT / "examples" / "first-proof", tmp_path / "deep" / "snap")
    rules = tmp_path / "deep" / "snap" / "nodes" / "node-a" / "iptables-save"
    rules.write_text(rules.read_text().replace("172.17.1.0/24", "172.17.1.0/25"))
    with tarfile.open(tmp_path / "snap.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "deep" / "snap", "snap")
    documents = []
    for where in ("deep/snap", "deep/../deep/snap/", "snap.tar.gz"):
        assert run(["verify", f"{tmp_path}/{where}", "--format", "json"]) == 1
        documents.append(capsys.readouterr().out)
    assert documents[0] == documents[1] == documents[2]
    assert '"file": "cluster/networkpolicies.yaml"' in documents[0]


def test_a_box_of_several_protocols_is_one_box_each() -> None:
    """A field that a protocol does not have is whole in its box."""
    box = Box(
        ((1, 2),), ((4, 7),), (1, 6, 17), ((53, 53),), ((80, 80),), (ICMP_ECHO,), (ConnState.NEW,), tcp_flags=(2, 16)
    )
    icmp, tcp, udp = box_documents(box, 4)
    assert (icmp["protocol"], tcp["protocol"], udp["protocol"]) == ("1", "tcp", "udp")
    assert icmp["source_ports"] == icmp["destination_ports"] == [[0, 65535]]
    assert tcp["source_ports"] == [[53, 53]]
    assert icmp["icmp"] == [list(ICMP_ECHO)]
    assert "tcp_flags" not in icmp
    assert tcp["destination_ports"] == udp["destination_ports"] == [[80, 80]]
    assert tcp["tcp_flags"] == [2, 16]
    assert "icmp" not in tcp
    assert "tcp_flags" not in udp
    assert tcp["source"] == ["0.0.0.1/32", "0.0.0.2/32"]
    assert tcp["destination"] == ["0.0.0.4/30"]


def test_a_box_of_all_protocols_is_one_box() -> None:
    box = replace(sample.BOX, protocols=None, in_interfaces=("eth0",), ct_status=(0,))
    (document,) = box_documents(box, 4)
    assert document["protocol"] == "any"
    assert document["in_interfaces"] == ["eth0"]
    assert document["ct_status"] == [0]
    assert "out_interfaces" not in document


def test_leaks_come_first_and_questions_in_their_order() -> None:
    blocked = replace(sample.LEAK, id="a", kind=Kind.BLOCKED)
    node = sample.node_report(Answer.REFUTED, blocked, sample.LEAK)
    shuffled = replace(node, questions=tuple(reversed(node.questions)))
    document = written(sample.verify_report(shuffled))
    assert document == written(sample.verify_report(node))
    assert [finding["kind"] for finding in document["nodes"][0]["findings"]] == ["leak", "blocked"]


def test_an_interface_that_nobody_can_name_is_null() -> None:
    packet = replace(sample.PACKET, in_interface="", out_interface=FREE_INTERFACE)
    finding = replace(sample.LEAK, witness=replace(sample.WITNESS, packet=packet))
    witness = written(sample.refuted(finding))["nodes"][0]["findings"][0]["witness"]
    assert (witness["in_interface"], witness["out_interface"]) == (None, None)


def test_a_finding_and_a_question_is_a_line() -> None:
    text = report("json").render(sample.refuted(), Style())
    assert sum('"pod": ' in line for line in text.splitlines()) == 20
