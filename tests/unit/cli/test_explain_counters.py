"""Explain tells from counters which rules packets met; what is asked badly is told in one line."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.corpus_path import ROOT
from verifier.cli.main import run

EXAMPLE = ROOT / "examples" / "classic-experiment"
BEFORE, AFTER = EXAMPLE / "experiment" / "chain-before", EXAMPLE / "experiment" / "chain-after-denied"
SCHEMA = json.loads((ROOT / "specs" / "counters.schema.json").read_text("utf-8"))


@pytest.mark.parametrize("snapshot", [[], [str(EXAMPLE)]], ids=["alone", "beside the node"])
def test_the_document_fits_its_schema(snapshot: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With and without a snapshot, every member is the schema's."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    code = run(["explain", *snapshot, "--before", str(BEFORE), "--after", str(AFTER), "--format", "json"])
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert (code, document["node"]) == (0, "node-a" if snapshot else None)
    (way,) = document["ways"]
    assert [rule["number"] for rule in way["rules"]] == [3, 4, 5, 7]
    assert (way["policies"] is None) is not bool(snapshot)
    assert all(rule["file"].endswith("chain-after-denied") and rule["line"] for rule in way["rules"])


def test_the_readings_are_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    """Both files have their hash in the report."""
    run(["explain", "--before", str(BEFORE), "--after", str(AFTER), "--format", "json"])
    assert [each["path"] for each in json.loads(capsys.readouterr().out)["inputs"]] == [str(AFTER), str(BEFORE)]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--before", str(BEFORE)], "belong together"),
        (["--after", str(AFTER)], "belong together"),
        (["--before", str(BEFORE), "--after", str(AFTER), "--from", "a/b"], "leave out --from"),
        ([str(EXAMPLE), "--from", "default/client"], "--to, --port missing"),
        ([], "SNAPSHOT, --from, --to, --port missing"),
        ([str(EXAMPLE), "--from", "a", "--to", "b", "--port", "tcp/1", "--table", "nat"], "--table belongs to"),
        (["--before", str(BEFORE), "--after", str(EXAMPLE)], "not a regular file"),
        (["--before", str(BEFORE), "--after", "nowhere"], "cannot be read"),
        (["--before", str(BEFORE), "--after", str(AFTER), "--table", "natt"], "there is no such table"),
        ([str(EXAMPLE), "--before", str(BEFORE), "--after", str(AFTER), "--node", "x"], "x"),
    ],
)
def test_bad_usage(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is missing or does not go together is said, with exit code 2."""
    assert run(["explain", *arguments]) == 2
    assert told in " ".join(capsys.readouterr().err.split())


def test_an_empty_reading(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A command that failed leaves an empty file behind."""
    empty = tmp_path / "after"
    empty.write_text("\n")
    assert run(["explain", "--before", str(BEFORE), "--after", str(empty)]) == 2
    assert "the file is empty" in capsys.readouterr().err


def test_a_listing_says_its_family(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Addresses tell IPv6 where --family does not."""
    head = "Chain a (1 references)\n    pkts      bytes target     prot opt in     out     source               destination\n"
    for name, count in (("before", 0), ("after", 1)):
        (tmp_path / name).write_text(f"{head}  {count}  {count} DROP  58  *  *  ::/0  fd00::1\n")
    code = run(["explain", "--before", str(tmp_path / "before"), "--after", str(tmp_path / "after")])
    assert (code, "::/0 -> fd00::1: ipv6-icmp" in capsys.readouterr().out) == (0, True)
