"""The version, the change log and the package agree."""

from __future__ import annotations

import tomllib

import verifier
from tests.corpus_path import ROOT


def test_change_log_has_the_version() -> None:
    """The version of the package has its section in CHANGELOG.md."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    headings = [line for line in (ROOT / "CHANGELOG.md").read_text("utf-8").splitlines() if line.startswith("## ")]
    assert any(line.split()[1] == version for line in headings), f"no section {version} among {headings}"


def test_package_knows_its_version() -> None:
    """The package's version is the distribution's."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert getattr(verifier, "__version__", version) == version
