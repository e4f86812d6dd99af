"""Bad input is one error that names file and line and says what to do; exit code 2, no stack trace."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.corpus_path import ROOT
from verifier.cli.main import run

Change = Callable[[Path], object]
POLICY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: bad, namespace: default}}
spec:
  podSelector: {selector}
  ingress:
  - from: [{peer}]
    ports: [{port}]
"""


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "examples" / "first-proof", tmp_path / "snapshot"))


def policy(selector: str = "{}", peer: str = "{podSelector: {}}", port: str = "{port: 80}") -> Change:
    text = POLICY.format(selector=selector, peer=peer, port=port)
    return lambda root: (root / "cluster" / "bad.yaml").write_text(text)


def document(text: str | bytes) -> Change:
    data = text.encode() if isinstance(text, str) else text
    return lambda root: (root / "cluster" / "bad.yaml").write_bytes(data)


def rules(edit: Callable[[bytes], bytes]) -> Change:
    def change(root: Path) -> None:
        path = root / "nodes" / "node-a" / "iptables-save"
        path.write_bytes(edit(path.read_bytes()))

    return change


def bomb() -> str:
    """Nine levels of nine aliases each."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    return "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: y}\n" + "\n".join(lines) + "\n"


FAULTS: dict[str, tuple[Change, str]] = {
    "not YAML": (document("a: [1, 2\nb: }{\n"), "bad.yaml:"),
    "a tab for indentation": (document("kind: Pod\n\tmetadata: x\n"), "bad.yaml:"),
    "unknown API version": (
        document(
            "apiVersion: networking.k8s.io/v7\nkind: NetworkPolicy\nmetadata: {name: a, namespace: b}\nspec: {}\n"
        ),
        "bad.yaml:",
    ),
    "selector operator": (policy(selector="{matchExpressions: [{key: a, operator: Like, values: [b]}]}"), "bad.yaml:"),
    "CIDR": (policy(peer="{ipBlock: {cidr: 10.0.0.0/33}}"), "bad.yaml:"),
    "port range": (policy(port="{port: 90, endPort: 80}"), "bad.yaml:"),
    "port number": (policy(port="{port: 70000}"), "bad.yaml:"),
    "truncated iptables-save": (rules(lambda text: text[: text.rindex(b"COMMIT")]), "iptables-save:"),
    "garbage line": (rules(lambda text: text.replace(b"*filter", b"what is this?\n*filter", 1)), "iptables-save:"),
    "binary rules": (rules(lambda _text: bytes(range(256)) * 40), "iptables-save"),
    "binary document": (document(b"\x7fELF\x00\x00\xff\xfe" * 100), "bad.yaml"),
    "deep flow nesting": (document("a: " + "[" * 200_000), "bad.yaml"),
    "deep block nesting": (document("".join(f"{' ' * n}a:\n" for n in range(3000))), "bad.yaml"),
    "deep JSON": (lambda root: (root / "cluster" / "bad.json").write_text("[" * 200_000), "bad.json"),
    "exploding aliases": (document(bomb()), "bad.yaml"),
    "another node": (lambda root: (root / "nodes" / "node-a").rename(root / "nodes" / "node-z"), "node-z"),
    "a dangling link": (lambda root: (root / "cluster" / "bad.yaml").symlink_to("nowhere.yaml"), "bad.yaml"),
    "no cluster": (lambda root: shutil.rmtree(root / "cluster"), "kubectl get pods"),
    "no nodes": (lambda root: shutil.rmtree(root / "nodes"), "iptables-save"),
    "no pods": (lambda root: (root / "cluster" / "pods.yaml").unlink(), "real pods"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault(name: str, snapshot: Path, capfd: pytest.CaptureFixture[str]) -> None:
    change, place = FAULTS[name]
    change(snapshot)
    code = run(["verify", str(snapshot)])
    out, err = capfd.readouterr()
    assert (code, out) == (2, ""), err
    assert err.startswith("error: ")
    assert place in err
    assert len(err.splitlines()) == 2
    assert "Traceback" not in err


def test_not_a_mapping(snapshot: Path, capfd: pytest.CaptureFixture[str]) -> None:
    document("- 1\n- 2\n")(snapshot)
    assert run(["verify", str(snapshot)]) == 2
    assert "bad.yaml:1" in capfd.readouterr().err


@pytest.mark.parametrize("make", [lambda _path: None, Path.mkdir, lambda path: path.write_bytes(b"\x1f\x8b broken")])
def test_no_snapshot_there(make: Change, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing at the path, an empty directory, or a file that is no archive."""
    path = tmp_path / "snapshot.tar.gz"
    make(path)
    assert run(["verify", str(path)]) == 2
    assert str(path) in capfd.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_unreadable_file(snapshot: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = snapshot / "cluster" / "pods.yaml"
    path.chmod(0)
    assert run(["verify", str(snapshot)]) == 2
    assert "pods.yaml" in capfd.readouterr().err


def test_templates_instead_of_pods(snapshot: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (snapshot / "cluster" / "pods.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: default}\n"
        "spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: []}}}\n"
    )
    assert run(["verify", str(snapshot)]) == 2
    assert "1 Deployment" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--node", "node-x"], "node-a"),
        (["--pod", "default/nobody"], "default/busybox"),
        (["--compiler", "no-such"], "cilium, flannel, generic, kube-router"),
        (["--family", "6"], "IPv6"),
    ],
)
def test_selections_that_leave_nothing(
    options: list[str], told: str, snapshot: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["verify", str(snapshot), *options]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert told in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify"],
        ["verify", "x", "--path", "up"],
        ["verify", "x", "--family", "5"],
        ["verify", "x", "--assume", "other-protocols"],
        ["verify", "x", "--assume", "weather=allow"],
        ["verify", "x", "--assume", "icmp-errors=allow", "--assume", "icmp-errors=deny"],
        ["verify", "x", "--timeout", "0"],
        ["verify", "x", "--timeout", "nan"],
        ["verify", "x", "--format", "morse"],
        ["verify", "x", "--output", "/nowhere/report"],
        ["verify", "x", "--output", "/"],
        ["explain", "x", "--from", "a/b", "--to", "c/d"],
        ["explain", "x", "--from", "a/b", "--to", "c/d", "--port", "tcp"],
        ["explain", "x", "--from", "a/b", "--to", "c/d", "--port", "tcp/99999"],
        ["explain", "x", "--from", "a/b", "--to", "c/d", "--port", "tcp/"],
        ["explain", "x", "--from", "a/b", "--to", "c/d", "--port", "gre/5"],
        ["explain", "x", "--from", "a/b", "--to", "c/d", "--port", "icmp/300"],
        ["explain", "x", "--from", "a/b", "--to", "c/d", "--port", "proto/300"],
        ["dance"],
        ["--dance"],
    ],
)
def test_usage(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        (["--from", "default/nobody", "--to", "default/busybox"], "default/nobody"),
        (["--from", "10.99.0.1", "--to", "10.99.0.2"], "neither end is a pod"),
        (["--from", "fd00::1", "--to", "default/busybox"], "same family"),
    ],
)
def test_ends_of_explain(ends: list[str], told: str, snapshot: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", str(snapshot), *ends, "--port", "tcp/80"]) == 2
    assert told in capfd.readouterr().err


PROOF = str(ROOT / "examples" / "first-proof")
FULL = Path("/dev/full")


def in_shell(arguments: str) -> tuple[int, str]:
    """Exit code and standard error of a whole process, its end included."""
    command = f"{sys.executable} -m verifier.cli.main {arguments}"
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("arguments", [f"verify {PROOF}", f"verify {PROOF} --format json", "profile", "--help"])
def test_a_full_standard_output(arguments: str) -> None:
    """A full disk is no fault of the program: exit code 2 and one line, also from what is written last."""
    full = "Error: cannot write to the standard output: No space left on device\n"
    assert in_shell(f"{arguments} > /dev/full") == (2, full)


def test_a_closed_standard_output() -> None:
    """Nor is one that is closed."""
    assert in_shell(f"verify {PROOF} >&-") == (2, "Error: cannot write to the standard output: it is closed\n")


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("stream", ["2> /dev/full", "2>&-"])
def test_errors_that_cannot_be_told(stream: str) -> None:
    """The exit code stands when nobody can be told why."""
    assert in_shell(f"verify nowhere {stream}")[0] == 2
    assert in_shell(f"verify {stream}")[0] == 2
    assert in_shell(f"verify {PROOF} {stream} > /dev/null")[0] == 0


def test_a_reader_that_goes_away() -> None:
    """The answer's exit code stands when a pipe is closed early."""
    command = [sys.executable, "-m", "verifier.cli.main", "verify", PROOF, "--format", "json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.close()
        _, err = process.communicate()
    assert (process.returncode, err) == (0, "")
