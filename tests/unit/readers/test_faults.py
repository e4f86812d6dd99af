"""Faults of the user's: which place cannot be read, and what is said of a document that is not what it should be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.unit.readers.test_snapshot import WHOLE, refused, write
from verifier.readers.snapshot import read_snapshot


@contextmanager
def unprivileged() -> Iterator[None]:
    """Root reads everything, so it is somebody else for a while."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.fixture
def snapshot() -> Iterator[Path]:
    """A snapshot in a folder that everybody may enter, unlike pytest's own."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        place = Path(folder) / "a"
        read_snapshot(write(place, dict(WHOLE)))  # modules are loaded by need, from where somebody else may not read
        yield place
        place.chmod(0o755)


@pytest.mark.parametrize("mode", [0o000, 0o444, 0o111])
@pytest.mark.parametrize("place", ["cluster", "cluster/deep", "nodes", "nodes/n1", "nodes/n1/iptables-save"])
def test_places_without_permission(snapshot: Path, place: str, mode: int) -> None:
    """A file that may not be read, a folder that may not be listed or entered: one error that names it."""
    closed = snapshot / place
    if closed.is_file():
        mode &= 0o111
    closed.chmod(mode)
    with unprivileged():
        error = refused(str(snapshot))
    closed.chmod(0o755)
    assert error.problem == "cannot be read: Permission denied"
    assert error.origin.path.startswith(str(closed))


@pytest.mark.parametrize("mode", [0o000, 0o444])
def test_a_snapshot_without_permission(snapshot: Path, mode: int) -> None:
    """A snapshot's folder that may not be entered; whether it may be listed does not matter."""
    path = str(snapshot)
    for given in (mode, 0o111):
        snapshot.chmod(given)
        with unprivileged():
            if given == 0o111:
                assert len(read_snapshot(path).nodes) == 1
            else:
                error = refused(path)
                assert (error.problem, error.origin.path) == ("cannot be read: Permission denied", f"{path}/cluster")


TEMPLATES = [
    "kind: Pod\napiVersion: v1\nmetadata:\n  name: {{ .Release.Name }}\n",
    "kind: Pod\napiVersion: v1\nmetadata:\n  labels: {}\n  namespace: b\n  name: web-{{ .Release.Name }}\n",
    "{{- if .Values.enabled }}\nkind: Pod\n{{- end }}\n",
    'kind: Pod\n{{ include "labels" . | nindent 4 }}\n',
]


@pytest.mark.parametrize("text", TEMPLATES)
def test_a_template_is_to_be_rendered(tmp_path: Path, text: str) -> None:
    """Whatever a template of Helm fails at, the remedy is to render it."""
    assert "helm template" in refused(write(tmp_path, {"cluster/a.yaml": text})).remedy


def test_a_fault_elsewhere_is_none_of_a_template(tmp_path: Path) -> None:
    """Braces in some other line are no reason to speak of templates."""
    text = 'kind: Secret\nstringData: {a: "{{ b }}"}\n---\nkind: Pod\nb: [\n'
    assert "helm" not in refused(write(tmp_path, {"cluster/a.yaml": text})).remedy


POLICY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: a
  namespace: b
spec:
  podSelector: {}
  ingress:
  - from:
    - ipBlock:
        cidr: 10.0.0.0/8
        except:
"""
EXCEPTIONS = [
    (POLICY + "        - 10.1.0.0/16\n        - 11.0.0.0/16\n", 13),
    (POLICY + '        - "10.1.0.0/16"\n        - !!str 11.0.0.0/16\n', 13),  # not in the plain block style
    (POLICY.rstrip() + " [10.1.0.0/16, 11.0.0.0/16]\n", 12),
]


@pytest.mark.parametrize(("text", "line"), EXCEPTIONS)
def test_a_wrong_exception_has_the_line_of_the_list(tmp_path: Path, text: str, line: int) -> None:
    """Items that are no mappings have no line of their own, their list has."""
    error = refused(write(tmp_path, {"cluster/a.yaml": text}))
    assert "except[1]: '11.0.0.0/16' is not strictly inside" in error.problem
    assert error.origin.line == line
