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
