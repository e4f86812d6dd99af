"""House rules for Python files: short, named for what they hold, and opening with one sentence."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.corpus_path import ROOT

FILE_LINES = 500
FUNCTION_LINES = 60
BANNED_NAMES = ("utils", "helpers", "common", "manager", "misc")
FOLDERS = ("verifier", "tests", "benchmarks")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
IDS = [str(path.relative_to(ROOT)) for path in SOURCES]


@pytest.mark.parametrize("path", SOURCES, ids=IDS)
def test_source(path: Path) -> None:
    """A file fits the house."""
    faults = source_faults(path.stem, path.read_text("utf-8"))
    assert not faults, f"{path.relative_to(ROOT)}: {'; '.join(faults)}"


def source_faults(name: str, text: str) -> list[str]:
    """What breaks the rules in a file of this name."""
    tree = ast.parse(text)
    faults = []
    if name in BANNED_NAMES:
        faults.append(f"the name {name} says nothing about what is in it")
    lines = len(text.splitlines())
    if lines > FILE_LINES:
        faults.append(f"{lines} lines, at most {FILE_LINES}")
    if text.strip() and not ast.get_docstring(tree):
        faults.append("no module docstring")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                faults.append(f"function {node.name} has {length} lines, at most {FUNCTION_LINES}")
    return faults


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("utils", '"""Doc."""\n', "says nothing"),
        ("walk", "x = 1\n", "no module docstring"),
        ("walk", '"""Doc."""\n' + "x = 1\n" * FILE_LINES, "501 lines"),
        ("walk", '"""Doc."""\ndef f():\n' + "    x = 1\n" * FUNCTION_LINES, "function f has 61 lines"),
    ],
)
def test_faults_are_seen(name: str, text: str, fault: str) -> None:
    """Each rule catches what breaks it."""
    assert any(fault in found for found in source_faults(name, text))


def test_a_good_file_has_no_fault() -> None:
    """Files at the limits are fine."""
    assert source_faults("walk", '"""Doc."""\ndef f():\n' + "    x = 1\n" * (FUNCTION_LINES - 1)) == []
