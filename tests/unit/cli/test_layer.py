"""verify --layer: what it refuses, and that its JSON is what the schema says."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.corpus_path import ROOT
from tests.properties.imaginable import changed, policy
from verifier.cli.main import run

SCHEMA = json.loads((ROOT / "specs" / "layer.schema.json").read_text("utf-8"))


def written(folder: Path, name: str, policies: list[object]) -> str:
    file = folder / f"{name}.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": policies}))
    return str(file)


@pytest.fixture
def sets(tmp_path: Path) -> tuple[str, str]:
    random = Random(3)
    first = [policy(random, name) for name in "abcdef"]
    second = [changed(random, each) for each in first[:5]]
    return written(tmp_path, "first", [*first]), written(tmp_path, "second", [*second, policy(random, "other")])


def test_the_document_is_what_the_schema_says(sets: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert run(["verify", "--layer", "policies", *sets, "--format", "json"]) == 1
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert [each["name"] for each in document["missing"]] == ["ops/f"]
    assert document["pairs"][0]["findings"] or document["pairs"][1]["findings"]


def test_a_directory_stands_for_its_files(sets: tuple[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    for number, item in enumerate(json.loads(Path(sets[0]).read_text())["items"]):
        (folder / f"{number}.yaml").write_text(json.dumps(item))
    assert run(["verify", "--layer", "policies", sets[0], str(folder)]) == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["first.json", "second.json"], "a second argument belongs to --layer policies"),
        (["--layer", "policies", "first.json", "second.json", "--strict"], "--strict chooses what is asked of nodes"),
        (["--layer", "policies", "first.json", "second.json", "--family", "4"], "--family chooses"),
        (["--layer", "policies", "first.json", "second.json", "--for-all", "--replay"], "--replay, --for-all chooses"),
        (["--layer", "policies", "first.json", "second.json", "--initial-mark", "any"], "--initial-mark chooses"),
        (["--layer", "policies", "first.json", "nothing"], "cannot be read"),
        (["--layer", "policies", "first.json", "empty"], "no file of it ends in .yaml, .yml or .json"),
    ],
)
def test_what_does_not_go_together_is_refused(
    arguments: list[str],
    problem: str,
    sets: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert run(["verify", *arguments]) == 2
    assert problem in capsys.readouterr().err


def test_without_time_nothing_is_decided(sets: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", "--layer", "policies", *sets, "--timeout", "0.000001"]) == 3
    assert "the time limit was reached" in capsys.readouterr().out
