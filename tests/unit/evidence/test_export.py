"""A bundle depends on the snapshot alone, and what a check of it finds decides how an export ends."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.corpus_path import ROOT
from verifier import session
from verifier.cli.main import run
from verifier.model.evidence import CheckOptions, CheckReport
from verifier.model.options import Progress


@pytest.mark.exercises("EV-2")
def test_the_order_of_hashes_changes_no_byte(tmp_path: Path) -> None:
    """Of a refuted node, whose packets a solver finds: two processes, in folders of their own, under other hashes."""
    written = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        snapshot = shutil.copytree(ROOT / "examples/first-proof", folder / f"snapshot-{seed}")
        dump = snapshot / "nodes/node-a/iptables-save"
        kept = [line for line in dump.read_text("utf-8").splitlines(keepends=True) if "172.17.1.0/24" not in line]
        dump.write_text("".join(kept), "utf-8")
        command = [sys.executable, "-m", "verifier.cli.main", "evidence", "export", snapshot.name, "bundle"]
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        ran = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True, text=True)
        assert ran.returncode == 1, ran.stderr
        bundle = folder / "bundle"
        files = sorted(path for path in bundle.rglob("*") if path.is_file())
        written.append({path.relative_to(bundle).as_posix(): path.read_bytes() for path in files})
    assert written[0] == written[1]
    assert any(path.startswith("nodes/node-a/refuted/") for path in written[0])


@pytest.mark.exercises("EV-9")
@pytest.mark.parametrize(
    ("found", "code"),
    [({}, 0), ({"missing": ("one",)}, 3), ({"contradictions": ("one",)}, 4), ({"missing": ("a",), "contradictions": ("b",)}, 4)],
    ids=["confirmed", "incomplete", "contradicted", "both"],
)  # fmt: skip
def test_what_the_check_finds_decides(
    found: dict[str, tuple[str, ...]],
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The bundle is read again as it was written, and whatever is found of it is told with the export."""
    check = session.check_evidence

    def otherwise(directory: str, options: CheckOptions, progress: Progress) -> CheckReport:
        return replace(check(directory, options, progress), **found)  # type: ignore[arg-type]

    monkeypatch.setattr(session, "check_evidence", otherwise)
    chosen = ["--pod", "blog/web", "--path", "pod-to-node"]
    assert (
        run(["evidence", "export", str(ROOT / "examples/first-proof"), str(tmp_path / "b"), *chosen, "--check"]) == code
    )
    out = " ".join(capsys.readouterr().out.split())
    assert re.search(r"/b: (confirmed|incomplete|contradicted): ", out)
    assert "1 proof followed" in out
