"""verify --for-all: what it cannot be joined with, and what the JSON says of it."""

from __future__ import annotations

import json

import pytest

from tests.corpus_path import ROOT
from verifier.cli.main import run

SNAPSHOT = str(ROOT / "examples" / "first-proof")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--replay",), "--replay loads the sets as they are"),
        (("--encoding", "bits"), "--for-all needs packet classes"),
    ],
)
def test_what_shows_today_only_is_refused(
    options: tuple[str, ...], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 2, and the reason is said."""
    assert run(["verify", "--for-all", SNAPSHOT, *options]) == 2
    assert problem in " ".join(capsys.readouterr().err.split())


def test_the_report_says_what_was_proved_and_what_was_compared(capsys: pytest.CaptureFixture[str]) -> None:
    """Rules and contents have an answer each."""
    code = run(["verify", "--for-all", SNAPSHOT, "--format", "json"])
    (node,) = json.loads(capsys.readouterr().out)["nodes"]
    assert (code, node["answer"]) == (0, "proved")
    shown = node["for_all"]
    assert (shown["rules"], shown["contents"], shown["wrong"], shown["unexplained"]) == ("proved", "proved", [], [])
    assert shown["kinds"] > 0
