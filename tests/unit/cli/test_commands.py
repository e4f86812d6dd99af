"""Arguments in, exit code out; reports go where they were asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path as File

import pytest

from tests.corpus_path import ROOT
from tests.unit.reports import sample
from verifier import __version__, session
from verifier.cli.main import run
from verifier.compilers import PROFILES
from verifier.model.assumption import Setting, defaults
from verifier.model.disagreement import Disagreement
from verifier.model.finding import Answer, VerifyReport
from verifier.model.options import VerifyOptions
from verifier.model.path import Path

EXAMPLE = str(ROOT / "examples" / "first-proof")


class Recorder:
    """A session that answers what it is told and remembers the options."""

    def __init__(self, outcome: VerifyReport | BaseException) -> None:
        self.outcome = outcome
        self.options = VerifyOptions()

    def __call__(self, _path: str, options: VerifyOptions, _progress: object) -> VerifyReport:
        self.options = options
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder(sample.refuted())
    monkeypatch.setattr(session, "verify", recorder)
    return recorder


@pytest.mark.parametrize(("answer", "code"), [(Answer.PROVED, 0), (Answer.REFUTED, 1), (Answer.UNDECIDED, 3)])
def test_exit_code_tells_the_answer(answer: Answer, code: int, recorder: Recorder) -> None:
    recorder.outcome = sample.verify_report(sample.node_report(answer))
    assert run(["verify", "x"]) == code


def test_every_option_reaches_the_session(recorder: Recorder) -> None:
    run(
        [
            "verify", "x", "--node", "a", "--node", "b", "--pod", "n/p", "--path", "node-to-pod", "--path", "pod-to-pod",
            "--family", "6", "--family", "4", "--strict", "--assume", "other-protocols=deny", "--compiler", "calico",
            "--initial-mark", "any", "--encoding", "bits", "--timeout", "2.5",
        ]
    )  # fmt: skip
    assert recorder.options == VerifyOptions(
        nodes=("a", "b"),
        pods=("n/p",),
        paths=(Path.POD_TO_POD, Path.NODE_TO_POD),
        families=(4, 6),
        strict=True,
        settings={**defaults(), "other-protocols": Setting.DENY},
        compiler="calico",
        initial_mark_any=True,
        bits=True,
        timeout=2.5,
    )


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (Disagreement("solver and diagram differ"), 4, "solver and diagram differ"),
        (KeyError("lost"), 4, "KeyError"),
        (RecursionError(), 2, "nested too deeply"),
        (MemoryError(), 2, "memory"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_failures_are_one_message(
    error: BaseException, code: int, told: str, recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder.outcome = error
    assert run(["verify", "x"]) == code
    err = capsys.readouterr().err
    assert told in err
    assert "Traceback" not in err
    assert ("please report" in err) == (code == 4)


def test_trace_of_an_internal_error_only_on_request(
    recorder: Recorder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAINPROOF_DEBUG", "1")
    recorder.outcome = KeyError("lost")
    assert run(["verify", "x"]) == 4
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.usefixtures("recorder")
def test_output_is_written_whole(tmp_path: File, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.json"
    assert run(["verify", "x", "--format", "json", "--output", str(path)]) == 1
    assert json.loads(path.read_text("utf-8"))["schema"] == "chainproof/verify/1"
    assert capsys.readouterr().out == ""
    assert [each.name for each in tmp_path.iterdir()] == ["report.json"]


@pytest.mark.usefixtures("recorder")
def test_an_old_report_stays_when_the_new_one_fails(tmp_path: File, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report"
    path.write_text("old")

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(File, "replace", full)
    assert run(["verify", "x", "--output", str(path)]) == 2
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["report"]


@pytest.mark.usefixtures("recorder")
def test_a_link_stays_a_link(tmp_path: File) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "report")
    assert run(["verify", "x", "--output", str(tmp_path / "link")]) == 1
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "report").read_text().startswith("refuted")


def test_output_is_checked_before_the_work(recorder: Recorder, tmp_path: File) -> None:
    recorder.outcome = AssertionError("worked in vain")
    assert run(["verify", "x", "--output", str(tmp_path)]) == 2


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"chainproof {__version__}\n"
    assert run(["-h"]) == 0
    text = capsys.readouterr().out
    assert [name for name in ("explain", "profile", "verify") if f"  {name} " in text] == [
        "explain",
        "profile",
        "verify",
    ]
    assert run(["verify", "-h"]) == 0


def test_help_loads_no_solver() -> None:
    code = "import sys; from verifier.cli.main import run; run(['-h']); sys.exit('z3' in sys.modules or 'rich' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode == 0
    )


@pytest.mark.parametrize("name", ["calico", "kube-router"])
def test_profile_lists_deviations_with_sources(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["profile", name]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"{name}: ")
    assert text.count("source: ") > 3
    assert "other-protocols" in text
    assert "deny: they are cut; default: allow" in text
    assert "deny: isolation keeps them out; default: any" in text


def test_profile_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["profile", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [page["name"] for page in document["profiles"]] == [each.name for each in PROFILES]
    assert [page["name"] for page in document["assumptions"]] == sorted(defaults())
    assert all(page["source"] and set(page["settings"]) == {"allow", "deny", "any"} for page in document["assumptions"])
    assert {page["name"]: page["default"] for page in document["assumptions"]} == {
        name: setting.value for name, setting in defaults().items()
    }


def test_a_reader_that_goes_away_is_no_error() -> None:
    """The answer's exit code stands and nothing is said."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "verifier.cli.main", "profile"]
    done = subprocess.run(command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_narrow_encoding_is_no_error() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "verifier.cli.main", "profile"]
    assert subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False).returncode == 0
