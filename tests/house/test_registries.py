"""Each registry lists exactly the members that its folder and the specification pages hold."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

from tests.corpus_path import ROOT

FOLDERS = ("compilers", "matches", "policies", "questions", "reports", "targets")


def members(folder: Path) -> dict[str, str]:
    """Files of a folder that end in `MODULE = ...`, by module name."""
    found = {}
    for path in sorted(folder.glob("*.py")):
        last = ast.parse(path.read_text("utf-8")).body[-1:]
        for node in last:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            if any(isinstance(target, ast.Name) and target.id == "MODULE" for target in targets):
                found[path.stem] = str(path.relative_to(ROOT))
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_registry_equals_folder(folder: str) -> None:
    """Every member file is in the registry, in sorted order, and nothing else is."""
    package = importlib.import_module(f"verifier.{folder}")
    names = sorted(members(ROOT / "verifier" / folder))
    modules = {name: importlib.import_module(f"verifier.{folder}.{name}").MODULE for name in names}
    registries = [value for value in vars(package).values() if isinstance(value, tuple) and value]
    listed = [
        [next((name for name, module in modules.items() if module is member), None) for member in registry]
        for registry in registries
    ]
    assert names in listed, f"verifier/{folder}/__init__.py has no sorted tuple of exactly {names}; found {listed}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_pages_equal_folder(folder: str) -> None:
    """Every member has its page specs/FOLDER/NAME.md, and every page its member."""
    names = set(members(ROOT / "verifier" / folder))
    pages = {path.stem for path in (ROOT / "specs" / folder).glob("*.md") if path.stem != "README"}
    assert names, f"verifier/{folder} has no member"
    assert names - pages == set(), f"without a page in specs/{folder}: {sorted(names - pages)}"
    assert pages - names == set(), f"pages of nothing in specs/{folder}: {sorted(pages - names)}"
