"""A bundle depends on the snapshot alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.corpus_path import ROOT


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
