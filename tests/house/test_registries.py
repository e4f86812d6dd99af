"""Each registry lists exactly the members that its folder and the specification pages hold."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

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


def listings(package: ModuleType, modules: dict[str, object]) -> list[list[str]]:
    """Every tuple or mapping of the package as names of modules, where it holds modules or their names."""
    found = []
    for value in vars(package).values():
        held = tuple(value.values()) if isinstance(value, Mapping) else value
        if isinstance(held, tuple):
            found.append([next((name for name in modules if member in (name, modules[name])), "") for member in held])
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_registry_equals_folder(folder: str) -> None:
    """Every member file is in the registry, in sorted order, and nothing else is."""
    package = importlib.import_module(f"verifier.{folder}")
    names = sorted(members(ROOT / "verifier" / folder))
    modules = {name: importlib.import_module(f"verifier.{folder}.{name}").MODULE for name in names}
    found = listings(package, modules)
    assert names in found, f"verifier/{folder}/__init__.py has no sorted registry of exactly {names}; found {found}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_pages_equal_folder(folder: str) -> None:
    """Every member has its page, specs/FOLDER/NAME.md by its file's or its own name, and every page its member."""
    names = {
        name: {name, importlib.import_module(f"verifier.{folder}.{name}").MODULE.name}
        for name in members(ROOT / "verifier" / folder)
    }
    pages = {path.stem for path in (ROOT / "specs" / folder).glob("*.md") if path.stem != "README"}
    without = sorted(name for name, either in names.items() if not either & pages)
    strangers = sorted(pages - {name for either in names.values() for name in either})
    assert names, f"verifier/{folder} has no member"
    assert without == [], f"members without a page in specs/{folder}"
    assert strangers == [], f"pages of nothing in specs/{folder}"
