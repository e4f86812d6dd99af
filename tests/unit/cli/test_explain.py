"""Explain walks one packet through both sides and says who is right."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.corpus_path import ROOT
from verifier.cli.main import run

EXAMPLE = ROOT / "examples" / "first-proof"


def told(
    snapshot: Path, capsys: pytest.CaptureFixture[str], *arguments: str, service: str = "tcp/80"
) -> tuple[int, dict[str, object]]:
    code = run(["explain", str(snapshot), *arguments, "--port", service, "--format", "json"])
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "chainproof/explain/1"
    (node,) = document["nodes"]
    return code, node


@pytest.mark.parametrize(
    ("ends", "path", "must"),
    [
        (("172.17.1.9", "default/busybox"), "remote-to-pod", "drop"),
        (("172.17.2.9", "default/busybox"), "remote-to-pod", "accept"),
        (("default/busybox", "8.8.8.8"), "pod-to-remote", "accept"),
    ],
)
def test_ends_choose_the_path(ends: tuple[str, str], path: str, must: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, node = told(EXAMPLE, capsys, "--from", ends[0], "--to", ends[1])
    assert (code, node["path"], node["must"], node["comparison"]) == (0, path, must, "agree")


def test_a_deleted_rule_is_a_leak(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = Path(shutil.copytree(EXAMPLE, tmp_path / "broken"))
    rules = broken / "nodes" / "node-a" / "iptables-save"
    kept = [line for line in rules.read_text().splitlines() if "172.17.1.0/24" not in line]
    rules.write_text("\n".join(kept) + "\n")
    code, node = told(broken, capsys, "--from", "172.17.1.9", "--to", "default/busybox")
    assert (code, node["comparison"]) == (1, "leak")


def test_what_policies_leave_open_is_nobodys_fault(capsys: pytest.CaptureFixture[str]) -> None:
    code, node = told(EXAMPLE, capsys, "--from", "172.17.1.9", "--to", "default/busybox", service="icmp")
    assert (code, node["comparison"], node["assumption"]) == (0, "unspecified", "other-protocols")


def test_text_shows_marks_chains_and_policies(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", str(EXAMPLE), "--from", "172.17.1.9", "--to", "default/busybox", "--port", "tcp/80"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("agree: node-a (calico): the packet is dropped, as it must be")
    assert "0x0 -> 0x80000" in text
    assert "(NetworkPolicy default/access-nginx, ingress)" in text
    assert "ingress of default/busybox: denied, no rule of default/access-nginx matches" in text


TIERS = """
apiVersion: projectcalico.org/v3
kind: Tier
metadata: {name: first}
spec: {order: 1}
---
apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata: {name: first.pass}
spec: {tier: first, ingress: [{action: Pass}], egress: [{action: Pass}]}
"""


def test_text_names_the_rules_that_pass_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A packet that a tier passes on is decided by another, or by none."""
    tiered = Path(shutil.copytree(EXAMPLE, tmp_path / "tiered"))
    (tiered / "cluster" / "tiers.yaml").write_text(TIERS)
    run(["explain", str(tiered), "--from", "172.17.1.9", "--to", "default/busybox", "--port", "tcp/80"])
    text = capsys.readouterr().out
    assert "ingress of default/busybox: denied, no rule of default/access-nginx matches" in text
    assert "passed on by first.pass ingress[0]: pass from anywhere on any port" in text
    run(["explain", str(tiered), "--from", "default/busybox", "--to", "8.8.8.8", "--port", "tcp/80"])
    text = capsys.readouterr().out
    assert "egress of default/busybox: allowed, passed on by the last tier in which a policy selects it" in text


def refused(capsys: pytest.CaptureFixture[str], *arguments: str, snapshot: Path = EXAMPLE) -> str:
    """What a usage error says, on one line."""
    assert run(["explain", str(snapshot), *arguments]) == 2
    return " ".join(capsys.readouterr().err.split())


def test_a_bare_number_is_neither_a_port_nor_a_protocol(capsys: pytest.CaptureFixture[str]) -> None:
    text = refused(capsys, "--from", "8.8.8.8", "--to", "default/busybox", "--port", "80")
    assert "'80' is a bare number: write tcp/80 for a port, proto/80 for a protocol" in text


@pytest.mark.parametrize(("service", "protocol"), [("proto/50", "50"), ("esp", "50"), ("proto/1", "1")])
def test_protocols_by_name_and_number(service: str, protocol: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, node = told(EXAMPLE, capsys, "--from", "172.17.1.9", "--to", "default/busybox", service=service)
    assert node["packet"]["protocol"] == protocol  # type: ignore[index]


@pytest.mark.parametrize("address", ["127.0.0.1", "224.0.0.1", "0.0.0.0", "255.255.255.255", "fe80::1", "::1"])
def test_an_address_that_is_never_forwarded_is_told(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = refused(capsys, "--from", address, "--to", "default/busybox", "--port", "tcp/80")
    assert f"{address}: no packet that a node forwards has this address" in text


def test_a_finished_pod_is_told_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = Path(shutil.copytree(EXAMPLE, tmp_path / "done"))
    pods = done / "cluster" / "pods.yaml"
    pods.write_text(pods.read_text().replace("phase: Running", "phase: Succeeded"))
    assert "phase: Succeeded" in pods.read_text()
    text = refused(capsys, "--from", "8.8.8.8", "--to", "default/busybox", "--port", "tcp/80", snapshot=done)
    assert "pod 'default/busybox' has finished (phase Succeeded)" in text


@pytest.mark.parametrize(
    ("service", "state"),
    [("icmp", "NEW"), ("icmp/13", "NEW"), ("icmp/0", "ESTABLISHED"), ("icmp/3", "RELATED"), ("icmp/99", "INVALID")],
)
def test_icmp_has_a_state_that_its_type_can_have(service: str, state: str, capsys: pytest.CaptureFixture[str]) -> None:
    """U-21: only requests are NEW."""
    _, node = told(EXAMPLE, capsys, "--from", "172.17.1.9", "--to", "default/busybox", service=service)
    assert node["packet"]["state"] == state  # type: ignore[index]


def test_icmp_goes_with_its_family(capsys: pytest.CaptureFixture[str]) -> None:
    text = refused(capsys, "--from", "8.8.8.8", "--to", "default/busybox", "--port", "icmpv6")
    assert "the ends have no addresses for icmpv6, which is of IPv6" in text


def test_the_address_of_a_service_has_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named = Path(shutil.copytree(EXAMPLE, tmp_path / "named"))
    service = (
        "apiVersion: v1\nkind: Service\nmetadata: {name: dns, namespace: kube-system}\nspec: {clusterIP: 10.96.0.10}\n"
    )
    (named / "cluster" / "services.yaml").write_text(service)
    _, node = told(named, capsys, "--from", "default/busybox", "--to", "10.96.0.10", service="udp/53")
    assert node["destination"]["name"] == "remote, service kube-system/dns"  # type: ignore[index]


def test_a_service_sends_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named = Path(shutil.copytree(EXAMPLE, tmp_path / "named"))
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: dns, namespace: blog}\nspec: {clusterIP: 10.96.0.10}\n"
    (named / "cluster" / "services.yaml").write_text(service)
    ends = ["--from", "blog/dns", "--to", "default/busybox", "--port", "tcp/80"]
    assert run(["explain", str(named), *ends]) == 2
    assert capsys.readouterr().err.startswith("error: blog/dns: a Service, which sends nothing\n  write the pod")


def test_a_headless_service_has_no_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named = Path(shutil.copytree(EXAMPLE, tmp_path / "named"))
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: db, namespace: blog}\nspec: {clusterIP: None}\n"
    (named / "cluster" / "services.yaml").write_text(service)
    ends = ["--from", "default/client", "--to", "blog/db", "--port", "tcp/80"]
    assert run(["explain", str(named), *ends]) == 2
    assert capsys.readouterr().err.startswith("error: blog/db: a Service without an address of its own\n  write one of")


def test_packets_leave_from_the_port_that_verify_shows(capsys: pytest.CaptureFixture[str]) -> None:
    _, node = told(EXAMPLE, capsys, "--from", "8.8.8.8", "--to", "default/busybox")
    assert node["packet"]["source_port"] == 40000  # type: ignore[index]


@pytest.mark.parametrize("command", ["verify", "explain"])
def test_help_tells_the_exit_codes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "-h"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for part in ("The exit code is 0", "1 ", "2 ", "3 ", "4 ", "CHAINPROOF_DEBUG=1"):
        assert part in text


@pytest.mark.parametrize(
    ("choice", "code", "comparison", "must"),
    [("deny", 0, "agree", "drop"), ("allow", 1, "blocked", "accept"), ("any", 0, "unspecified", None)],
)
def test_what_is_assumed_is_asked(
    choice: str, code: int, comparison: str, must: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the command line, in a file, and on the command line against the file."""
    team = tmp_path / "team.yaml"
    team.write_text(f"other-protocols: {choice}\n")
    other = tmp_path / "other.yaml"
    other.write_text(f"other-protocols: {'deny' if choice == 'allow' else 'allow'}\n")
    ends = ("--from", "172.17.1.9", "--to", "default/busybox")
    for given in (
        ("--assume", f"other-protocols={choice}"),
        ("--assume-file", str(team)),
        ("--assume-file", str(other), "--assume", f"other-protocols={choice}"),
    ):
        found, node = told(EXAMPLE, capsys, *ends, *given, service="icmp")
        assert (found, node["comparison"], node["must"]) == (code, comparison, must)
        assert node["assumption"] == "other-protocols"


def test_a_file_of_choices_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One message with file and line, exit code 2, for both commands."""
    team = tmp_path / "team.yaml"
    team.write_text("icmp-errors: deny\nother-protocols: perhaps\n")
    for command in (["verify"], ["explain", "--from", "a/b", "--to", "c/d", "--port", "tcp/80"]):
        assert run([*command, str(EXAMPLE), "--assume-file", str(team)]) == 2
        assert f"{team}:2: other-protocols: expected one of allow, deny, any" in capsys.readouterr().err
