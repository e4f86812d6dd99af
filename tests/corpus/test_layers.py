"""Recorded conversions of NetworkPolicies: proved, and what our own converter makes of the policies."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from tests.corpus_path import ROOT, corpus
from tests.felix.conversion import ERAS, converted
from tests.meaning import Evidence, Exercises
from tests.pages.answer import run

SCHEMA = json.loads((ROOT / "specs" / "verify.schema.json").read_text("utf-8"))

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


CHAIN = "nodes/node-a/iptables-save"
SETS = "nodes/node-a/ipset-save"
CONVERSIONS = "cluster/converted-networkpolicies.yaml"
HOLE, SMALLER = "172.17.1.0/24", "172.17.1.0/25"


@pytest.mark.parametrize(
    ("changes", "answers", "blamed"),
    [
        ({}, ("proved", "proved", "proved"), set()),
        ({CHAIN: (HOLE, SMALLER)}, ("proved", "refuted", "proved"), {"conversions to rules"}),
        ({SETS: (r"^add cali40s:\S+ \S+$", "")}, ("proved", "proved", "refuted"), {"sets to inventory"}),
        (
            {CHAIN: (HOLE, SMALLER), CONVERSIONS: (HOLE, SMALLER)},
            ("refuted", "proved", "proved"),
            {"policies to conversions"},
        ),
        ({CONVERSIONS: (HOLE, SMALLER)}, ("refuted", "refuted", "proved"), set()),
    ],
    ids=["nothing", "rules", "sets", "conversion and rules", "conversion"],
)
def test_the_step_that_is_wrong_is_blamed(
    changes: dict[str, tuple[str, str]],
    answers: tuple[str, str, str],
    blamed: set[str],
    tmp_path: Path,
    exercises: Exercises,
) -> None:
    """One edit of a recorded node, of its sets or of its conversions is found in the step where it was made."""
    folder = shutil.copytree(corpus("calico", "seed"), tmp_path / "seed", copy_function=shutil.copyfile)
    for name, (old, new) in changes.items():
        file = folder / name
        file.chmod(0o644)
        text = file.read_text("utf-8")
        edited = re.sub(old, new, text, flags=re.MULTILINE)
        assert edited != text
        file.write_text(edited, "utf-8")
    report = json.loads(run("verify", str(folder), "--format", "json").output)
    jsonschema.validate(report, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert tuple(each["answer"] for each in report["steps"]) == answers
    assert {finding["step"] for node in report["nodes"] for finding in node["findings"]} == blamed
    exercises(Evidence.BUG if changes else Evidence.LAW, ("STEP-1", "STEP-2"), "+".join(changes) or "recorded")
