"""Each registry lists exactly the members that its folder and the specification pages hold."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.corpus_path import ROOT
from tests.literate import sections

NOT_NAMED = {"matches": {"builtin"}}
"""Members that every rule uses without naming them."""

FOLDERS = ("cli", "compilers", "matches", "policies", "reports", "targets")
DESCRIBED = ("compilers", "matches", "policies", "reports", "targets")


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


def listings(package: ModuleType, modules: dict[str, Any]) -> list[list[str]]:
    """Every tuple or mapping of the package as names of modules, where it holds modules or their names."""
    found = []
    for value in vars(package).values():
        held = (value.keys(), value.values()) if isinstance(value, Mapping) else (value,)
        found += [[_named(member, modules) for member in one] for one in held if isinstance(one, Collection)]
    return found


def _named(member: object, modules: dict[str, Any]) -> str:
    """The module that a registry's entry means: the record itself, its name, or the module's name."""
    return next((name for name, module in modules.items() if member in (name, module, module.name)), "")


@pytest.mark.parametrize("folder", FOLDERS)
def test_registry_equals_folder(folder: str) -> None:
    """Every member file is in the registry, in sorted order, and nothing else is."""
    package = importlib.import_module(f"verifier.{folder}")
    names = sorted(members(ROOT / "verifier" / folder).keys() - NOT_NAMED.get(folder, set()))
    modules = {name: importlib.import_module(f"verifier.{folder}.{name}").MODULE for name in names}
    found = listings(package, modules)
    assert names in found, f"verifier/{folder}/__init__.py has no sorted registry of exactly {names}; found {found}"


def described(folder: str, names: set[str]) -> set[str]:
    """What the specification describes: pages of specs/FOLDER/, or headings of one page specs/FOLDER.md."""
    page = ROOT / "specs" / f"{folder}.md"
    if not page.exists():
        return {path.stem for path in (ROOT / "specs" / folder).glob("*.md") if path.stem != "README"}
    words = {word for section in sections(page) for word in re.findall(r"[\w-]+", section.title)}
    return {name for name in names if name in words}


@pytest.mark.parametrize("folder", DESCRIBED)
def test_pages_equal_folder(folder: str) -> None:
    """Every member is described in the specification under its file's or its own name, and nothing else is."""
    names = {
        name: {name, importlib.import_module(f"verifier.{folder}.{name}").MODULE.name}
        for name in members(ROOT / "verifier" / folder)
    }
    known = {name for either in names.values() for name in either}
    pages = described(folder, known)
    assert names, f"verifier/{folder} has no member"
    assert sorted(name for name, either in names.items() if not either & pages) == [], (
        f"without a page in specs/{folder}"
    )
    assert sorted(pages - known) == [], f"pages of nothing in specs/{folder}"


def test_pages_of_questions() -> None:
    """Every page of a question is about a question that exists, or that evidence answers, and verify has one."""
    pages = {path.stem for path in (ROOT / "specs" / "questions").glob("*.md")}
    answered = {path.stem for folder in ("questions", "evidence") for path in (ROOT / "verifier" / folder).glob("*.py")}
    assert "verify" in pages
    assert sorted(pages - answered) == []
