"""Recorded conversions of NetworkPolicies: proved, and what our own converter makes of the policies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.corpus_path import corpus
from tests.felix.conversion import ERAS, converted
from tests.pages.answer import run

CURRENT, BEFORE_332 = ERAS[:2]
RECORDINGS = [
    "features", "features-dual", "scale", "scale-small", "seed", "seed-mask", "seed-v331", "shop", "shop-drop",
    "shop-nft", "shop-services", "shop-services-proxy-late", "shop-tiers",
]  # fmt: skip
MISREAD = {"features", "features-dual"}
"""Recordings whose conversions were made of a file in which namespace `y` was read as the truth value."""


def objects(file: Path) -> list[dict[str, Any]]:
    documents = yaml.load_all(file.read_text("utf-8"), yaml.CSafeLoader)
    return [item for document in documents for item in document.get("items", [document])]


def named(policy: dict[str, Any]) -> tuple[str, str]:
    """Namespace and name, the namespace as the recorder read it."""
    metadata = policy["metadata"]
    return "true" if metadata["namespace"] == "y" else metadata["namespace"], metadata["name"]


def meant(value: Any) -> Any:
    """A document without what is empty."""
    if isinstance(value, dict):
        return {key: meant(each) for key, each in value.items() if each != {} and key != "tier"}
    return [meant(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", RECORDINGS)
def test_our_converter_writes_what_was_recorded(name: str) -> None:
    """Every policy, rule by rule, in the words and the order of the recorded conversions."""
    folder = corpus("calico", name, "cluster")
    era = BEFORE_332 if name == "seed-v331" else CURRENT
    recorded = {named(each): each["spec"] for each in objects(folder / "converted-networkpolicies.yaml")}
    for each in objects(folder / "networkpolicies.yaml"):
        made = converted(each, era)
        assert meant(made["spec"]) == meant(recorded[named(made)])


@pytest.mark.parametrize("name", RECORDINGS)
def test_recorded_conversions_are_proved(name: str) -> None:
    """Both in one snapshot, and as two files; what was misread by the recorder is found, and nothing else."""
    folder = corpus("calico", name)
    files = [str(folder / "cluster" / file) for file in ("networkpolicies.yaml", "converted-networkpolicies.yaml")]
    for arguments in ([str(folder)], files) if name != "scale" else ([str(folder)],):
        done = run("verify", "--layer", "policies", *arguments, "--format", "json")
        report = json.loads(done.output)
        assert {pair["answer"] for pair in report["pairs"]} == {"proved"}
        if name in MISREAD:
            assert [each["name"] for each in report["missing"]] == ["y/db-only-from-web"]
            assert {each["policies"][0]["name"] for each in report["findings"] if each["policies"]} == {
                "y/db-only-from-web"
            }
            continue
        assert (report["answer"], done.code, report["missing"], report["surplus"]) == ("proved", 0, [], [])
