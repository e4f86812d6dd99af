"""Bundles that were tampered with: whatever is changed, and however consistently, no false claim is ever confirmed."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.corpus_path import ROOT
from verifier import session
from verifier.evidence.audit import claims, second_solver
from verifier.evidence.checker.check import Packets, check_script
from verifier.evidence.checker.script import Script, read_script
from verifier.model.evidence import CheckOptions, CheckReport, Standing
from verifier.model.options import VerifyOptions
from verifier.model.origin import InputError
from verifier.readers.snapshot import read_snapshot
from verifier.reports import report
from verifier.reports.report import Style
from verifier.session.audit import check_bundle, check_inputs, made_anew

ALONE = CheckOptions(solver=False)
SCRIPT, PROOF, PACKET = "nodes/node-a/ipv4.smt2", "nodes/node-a/ipv4.proof", "nodes/node-a/refuted/ipv4.2.json"
Json = Any


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Bundles of a snapshot that is proved and of one that is refuted, and the snapshots."""
    root = tmp_path_factory.mktemp("bundles")
    shutil.copytree(ROOT / "examples/first-proof", root / "good-snapshot")
    shutil.copytree(root / "good-snapshot", root / "bad-snapshot")
    dump = root / "bad-snapshot/nodes/node-a/iptables-save"
    dump.write_text("".join(x for x in dump.read_text("utf-8").splitlines(True) if "172.17.1.0/24" not in x), "utf-8")
    for name in ("good", "bad"):
        session.export(str(root / f"{name}-snapshot"), str(root / name), VerifyOptions())
    return {path.name: path for path in root.iterdir()}


@pytest.fixture(params=["good", "bad"])
def bundle(made: dict[str, Path], tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of one of the bundles, to be changed."""
    return shutil.copytree(made[request.param], tmp_path / "bundle")


@pytest.fixture
def bad(made: dict[str, Path], tmp_path: Path) -> Path:
    return shutil.copytree(made["bad"], tmp_path / "bundle")


def standing(bundle: Path) -> Standing | None:
    """How the claims stand, None where the bundle is refused."""
    try:
        return checked(bundle).standing
    except InputError:
        return None


def checked(bundle: Path) -> CheckReport:
    return session.check_evidence(str(bundle), ALONE)


def stated(bundle: Path) -> Json:
    return json.loads((bundle / "manifest.json").read_text("utf-8"))


def state(bundle: Path, document: Json) -> None:
    """Write a manifest, with the hashes of the files as they are now."""
    for file in document["files"]:
        if (bundle / file["path"]).is_file():
            content = (bundle / file["path"]).read_bytes()
            file |= {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    (bundle / "manifest.json").write_text(json.dumps(document), "utf-8")


def change(bundle: Path, path: str, change: Callable[[str], str]) -> None:
    """Change a file, and the manifest so that it fits."""
    before = (bundle / path).read_text("utf-8")
    after = change(before)
    assert before != after
    (bundle / path).write_text(after, "utf-8")
    state(bundle, stated(bundle))


def test_a_bundle_as_it_was_made_is_confirmed(made: dict[str, Path]) -> None:
    """Proofs and packets; every claim has been checked."""
    good, bad = checked(made["good"]), checked(made["bad"])
    assert (good.standing, bad.standing) == (Standing.CONFIRMED, Standing.CONFIRMED)
    assert (good.claimed, bad.claimed) == ("proved", "refuted")
    assert [family.confirmed == family.questions > 0 for family in (*good.families, *bad.families)] == [True, True]
    assert [family.sat > 0 for family in (*good.families, *bad.families)] == [False, True]


@pytest.mark.exercises("EV-10")
def test_every_file_is_noticed(bundle: Path) -> None:
    """Changed by a byte, longer, emptied, missing, a link."""
    for path in sorted(path for path in bundle.rglob("*") if path.is_file() and path.name != "manifest.json"):
        content = path.read_bytes()
        for other in (content + b"\n", b"", bytes([content[0] ^ 1]) + content[1:], content[:-1]):
            path.write_bytes(other)
            with pytest.raises(InputError, match=r"has \d+ bytes with SHA-256"):
                checked(bundle)
        path.unlink()
        with pytest.raises(InputError, match="is missing"):
            checked(bundle)
        path.symlink_to("/etc/hostname")
        with pytest.raises(InputError, match="is neither a file nor a directory"):
            checked(bundle)
        path.unlink()
        path.write_bytes(content)
    assert standing(bundle) is Standing.CONFIRMED


def test_what_is_extra_is_noticed(bundle: Path) -> None:
    """An empty directory, a file that nothing lists, one that is listed and not used, a directory that is none of a bundle."""
    (bundle / "nodes/other").mkdir()
    with pytest.raises(InputError, match=r"nodes/other: is an extra directory"):
        checked(bundle)
    (bundle / "nodes/other").rmdir()
    (bundle / "extra.txt").write_text("x", "utf-8")
    with pytest.raises(InputError, match=r"extra.txt: is extra"):
        checked(bundle)
    document = stated(bundle)
    document["files"].append({"path": "extra.txt", "sha256": "", "size": 1})
    state(bundle, document)
    with pytest.raises(InputError, match=r"extra.txt is used without being listed, listed without being used"):
        checked(bundle)
    for nowhere, problem in ((bundle / "none", "is no directory"), (bundle / "nodes", "has no manifest.json")):
        with pytest.raises(InputError, match=problem):
            checked(nowhere)


@pytest.mark.exercises("EV-12")
@pytest.mark.parametrize(
    ("path", "edit"),
    [
        (SCRIPT, lambda text: re.sub(r"\(push 1\)[^;]*\(pop 1\)\n", "", text, count=1)),
        (SCRIPT, lambda text: text + "(check-sat)\n"),
        (SCRIPT, lambda text: text.replace("(push 1)", "(assert possible)\n(push 1)", 1) + "(check-sat)\n"),
        (SCRIPT, lambda text: re.sub(r"\(assert possible\)\n", "", text)),
        (SCRIPT, lambda text: re.sub(r"\(assert \([a-z-]+/differs [^\n]*\n", "", text)),
        (SCRIPT, lambda text: text.replace("(accepted s)", "(dropped s)")),
        (SCRIPT, lambda text: text.replace("(dropped s)", "(accepted s)")),
        (SCRIPT, lambda text: re.sub(r"(\(define-fun accepted [^\n]*\n)", r"\1x)\n\1", text)),
        (SCRIPT, lambda text: text + "(define-fun possible () Bool false)\n"),
        (SCRIPT, lambda text: text.replace("(set-logic QF_BV)", "(set-logic ALL)")),
        (PROOF, lambda text: re.sub(r"^0 [0-9 ]+\n", "", text, count=1, flags=re.MULTILINE)),
        (PROOF, lambda text: re.sub(r"^f [-0-9 ]+\n", "", text, count=1, flags=re.MULTILINE)),
        (PROOF, lambda text: "".join(text.splitlines(True)[:-9])),
        (PROOF, lambda text: re.sub(r"(?s)(query 4 unsat\n).*?(query 5)", r"\g<1>0 1 0\n\2", text)),
        (PROOF, lambda text: re.sub(r"(?s)query 4 unsat\n.*?(query 5)", r"query 4 unknown\n\1", text)),
        (PROOF, lambda text: re.sub(r"(?s)(query 3 .*?)(query 4 )", r"\2\1", text)),
        (PROOF, lambda text: re.sub(r"end (\d+)", lambda match: f"query {int(match[1]) + 1} unknown\nend {int(match[1]) + 1}", text)),
    ],
)  # fmt: skip
def test_no_consistent_change_of_a_script_or_certificate_is_confirmed(
    bundle: Path, path: str, edit: Callable[[str], str]
) -> None:
    """The manifest has the new hashes, and the claims are the old ones."""
    change(bundle, path, edit)
    assert standing(bundle) is not Standing.CONFIRMED


def test_no_packet_that_does_not_differ_is_confirmed(bad: Path) -> None:
    """Another address, no values, another query's packet, no JSON."""
    original = (bad / PACKET).read_text("utf-8")
    edits = {
        "values do not satisfy": lambda text: re.sub(r'"src": "#x[0-9a-f]{8}"', '"src": "#x00000000"', text),
        "declares no such constant": lambda text: text.replace('"src": "#x', '"source": "#x'),
        "expected the packet of query 2": lambda text: text.replace('"query": 2', '"query": 3'),
        "expected values by name": lambda text: text.replace('"values"', '"value"'),
        "is no JSON": lambda text: text[:-3],
    }
    for problem, edit in edits.items():
        change(bad, PACKET, edit)
        try:
            found = checked(bad)
            assert found.standing is Standing.CONTRADICTED
            told = " ".join(found.families[0].contradictions)
        except InputError as error:
            told = str(error)
        assert problem in told
        (bad / PACKET).write_text(original, "utf-8")


@pytest.mark.parametrize("path", [SCRIPT, PROOF])
@pytest.mark.parametrize(("one", "other"), [("good", "bad"), ("bad", "good")])
def test_swapped_files_are_not_confirmed(
    made: dict[str, Path], tmp_path: Path, path: str, one: str, other: str
) -> None:
    """The certificate or the script of another bundle."""
    mixed = shutil.copytree(made[one], tmp_path / "mixed")
    change(mixed, path, lambda _: (made[other] / path).read_text("utf-8"))
    assert standing(mixed) is not Standing.CONFIRMED


def leaves(value: Json, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict | list) and value:
        for key, member in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(member, (*path, key))
    yield path


def replaced(document: Json, path: tuple[str | int, ...], other: Json) -> Json:
    if not path:
        return other
    copy = json.loads(json.dumps(document))
    at = copy
    for key in path[:-1]:
        at = at[key]
    if other is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = other
    return copy


UNCHECKED = {"tool", "versions"}
"""What stands in a manifest for information alone."""


def others(path: tuple[str | int, ...], value: Json) -> Iterator[Json]:
    if path:
        yield ...
    if isinstance(value, str):
        yield from {"proved", "refuted", "undecided", "sat", "unsat", "unknown", "", "x"} - {value}
    elif isinstance(value, int):
        yield from (value + 1, str(value), None, -1, value + 0.5)
    elif isinstance(value, list):
        yield from ({}, [*value, value[0]] if value else [1])
    else:
        yield from ([], {**(value or {}), "extra": 1})


def followed_once() -> Callable[[Script, str, Packets], list[str]]:
    """`check_script` for scripts that are read once."""
    known: dict[tuple[int, str, str], list[str]] = {}

    def follow(script: Script, certificate: str, packets: Packets) -> list[str]:
        key = id(script), certificate, json.dumps(packets)
        if key not in known:
            known[key] = check_script(script, certificate, packets)
        return known[key]

    return follow


@pytest.mark.exercises("EV-14")
def test_no_change_of_a_manifest_is_confirmed_for_the_snapshot(
    made: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every value of the manifest taken out and changed: noticed, if need be by what the snapshot gives.

    A change may go through only where it says nothing about the snapshot: versions for information. A script is followed
    once for the same certificate and packets.
    """
    monkeypatch.setattr(claims, "read_script", cache(read_script))
    monkeypatch.setattr(claims, "check_script", followed_once())
    bundle = shutil.copytree(made["bad"], tmp_path / "bundle")
    document = stated(bundle)

    def again(_snapshot: str, directory: str, _options: VerifyOptions) -> None:
        shutil.copytree(made["bad"], directory)

    snapshot = read_snapshot(str(made["bad-snapshot"]))
    count = 0
    for path in leaves(document):
        if path and path[0] in UNCHECKED:
            continue
        value = document
        for key in path:
            value = value[key]
        for other in [*others(path, value)][:3]:
            (bundle / "manifest.json").write_text(json.dumps(replaced(document, path, other)), "utf-8")
            count += 1
            try:
                report, found = check_bundle(str(bundle), ALONE, lambda *_: None)
                check_inputs(found, snapshot)
                differences = list(made_anew(found, snapshot.path, again))
            except InputError:
                continue
            assert report.standing is not Standing.CONFIRMED or differences, (path, other)
    assert count > 500


@pytest.mark.exercises("EV-11")
def test_claims_beyond_what_is_shown_are_seen_without_the_snapshot(bad: Path) -> None:
    """Answers of questions, of nodes and of the whole that the queries do not bear."""
    document = stated(bad)
    family = document["nodes"][0]["families"][0]
    refuted = next(place for place, each in enumerate(family["questions"]) if each["answer"] == "refuted")
    proved = next(place for place, each in enumerate(family["questions"]) if each["answer"] == "proved")
    where = ("nodes", 0, "families", 0, "questions")
    for path, other, expected in (
        ((*where, refuted, "answer"), "proved", Standing.CONTRADICTED),
        ((*where, proved, "answer"), "refuted", Standing.CONTRADICTED),
        ((*where, proved, "queries"), [], Standing.INCOMPLETE),
        (("answer",), "proved", Standing.CONTRADICTED),
        (("nodes", 0, "answer"), "proved", Standing.CONTRADICTED),
        ((*where[:-1], "queries", 0, "answer"), "unknown", Standing.CONTRADICTED),
        ((*where, proved, "queries"), [len(family["queries"]) + 1], None),
        ((*where[:-1], "queries", 0, "number"), 2, None),
        ((*where[:-1], "queries"), family["queries"][1:], None),
        (where, [*family["questions"], family["questions"][0]], None),
        (("nodes",), document["nodes"] * 2, None),
    ):
        state(bad, replaced(document, path, other))
        assert standing(bad) is expected, path


def test_an_undecided_question_is_no_claim_and_an_unexported_one_is_not_checked(bad: Path) -> None:
    """A proof without a script keeps a bundle from being confirmed."""
    document = stated(bad)
    family = document["nodes"][0]["families"][0]
    family |= {"script": "", "certificate": "", "not-exported": "too long", "queries": [], "opaque": []}
    for question in family["questions"]:
        question["queries"] = []
    document["files"] = [file for file in document["files"] if file["path"] == "README.md"]
    shutil.rmtree(bad / "nodes")
    state(bad, document)
    assert checked(bad).standing is Standing.INCOMPLETE
    assert re.search(r"25 claims have no script: too long", " ".join(checked(bad).families[0].missing))


class Answering:
    """A second solver that says what it is told to."""

    said: ClassVar[list[str]] = []
    fault = ""

    def __init__(self, script: bytes) -> None:
        self.script = script

    def answers(self, timeout: float | None) -> tuple[list[str], str]:
        return self.said, self.fault

    def stop(self) -> None:
        pass


@pytest.mark.parametrize(
    ("edit", "fault", "expected"),
    [
        (lambda said: said, "", Standing.CONFIRMED),
        (lambda said: ["sat", *said[1:]], "", Standing.CONTRADICTED),
        (lambda said: ["unknown", *said[1:]], "", Standing.INCOMPLETE),
        (lambda said: said[:-1], "out of time", Standing.INCOMPLETE),
        (lambda said: said, "it ended with code 1", Standing.INCOMPLETE),
        (lambda said: [*said, "unsat"], "", Standing.CONTRADICTED),
        (lambda said: [], "no such file", Standing.INCOMPLETE),
    ],
)
def test_the_second_solver_has_a_say(
    made: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    edit: Callable[[list[str]], list[str]],
    fault: str,
    expected: Standing,
) -> None:
    """It has to answer every query, and alike."""
    family = stated(made["good"])["nodes"][0]["families"][0]
    monkeypatch.setattr(claims, "SecondSolver", Answering)
    monkeypatch.setattr(second_solver, "name", lambda: "a solver")
    monkeypatch.setattr(Answering, "said", edit([each["answer"] for each in family["queries"]]))
    monkeypatch.setattr(Answering, "fault", fault)
    assert session.check_evidence(str(made["good"]), CheckOptions()).standing is expected


def test_without_a_second_solver_a_check_is_incomplete(made: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, and how to install one."""
    monkeypatch.setattr(second_solver, "find_spec", lambda _: None)
    found = session.check_evidence(str(made["good"]), CheckOptions())
    assert found.standing is Standing.INCOMPLETE
    assert found.missing == ("no second solver is installed: pip install 'chainproof[evidence]'",)


def test_the_second_solver_agrees(made: dict[str, Path]) -> None:
    """The real one, on proofs and on packets; out of time it answers less."""
    pytest.importorskip("bitwuzla", reason="the extra 'evidence' is not installed")
    for name in ("good", "bad"):
        found = session.check_evidence(str(made[name]), CheckOptions())
        assert found.standing is Standing.CONFIRMED
        assert found.families[0].solver == found.families[0].queries
    assert session.check_evidence(str(made["good"]), CheckOptions(timeout=1e-6)).standing is Standing.INCOMPLETE


@pytest.mark.parametrize("command", ['(set-option :regular-output-channel "{}")', '(include "{}")'])
def test_no_solver_is_given_a_script_that_is_refused(
    bad: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """A solver would obey commands that the subset does not have, among them to write to any file."""
    monkeypatch.setattr(second_solver, "name", lambda: "a solver")
    monkeypatch.setattr(claims, "SecondSolver", lambda _: pytest.fail("a solver was given the script"))
    change(
        bad, SCRIPT, lambda text: text.replace("(set-logic", command.format(tmp_path / "victim") + "\n(set-logic", 1)
    )
    state(bad, stated(bad))
    with pytest.raises(InputError, match="is no command of the subset"):
        session.check_evidence(str(bad), CheckOptions())


def test_a_number_that_is_too_long_to_be_one_is_refused(bad: Path) -> None:
    """In a manifest and in a packet: Python refuses such numbers in its own way."""
    packet = bad / PACKET
    packet.write_text(packet.read_text("utf-8").replace('"query": 2', '"query": ' + "9" * 5000), "utf-8")
    state(bad, stated(bad))
    with pytest.raises(InputError, match="is no JSON"):
        checked(bad)
    (bad / "manifest.json").write_text('{"format": ' + "9" * 5000 + "}", "utf-8")
    with pytest.raises(InputError, match="is no JSON"):
        checked(bad)


def test_another_snapshot_is_noticed(made: dict[str, Path], tmp_path: Path) -> None:
    """A file that is another one, that is missing, that is more; and scripts that say something else than the files."""
    options = CheckOptions(solver=False, snapshot=str(made["good-snapshot"]))
    assert session.check_evidence(str(made["good"]), options).standing is Standing.CONFIRMED
    with pytest.raises(InputError, match="is not the file that the bundle"):
        session.check_evidence(str(made["bad"]), options)
    less = shutil.copytree(made["good-snapshot"], tmp_path / "less")
    (less / "nodes/node-a/ipset-save").unlink()
    with pytest.raises(InputError, match="is missing, the bundle"):
        session.check_evidence(str(made["good"]), CheckOptions(solver=False, snapshot=str(less)))
    forged = shutil.copytree(made["good"], tmp_path / "forged")
    change(forged, SCRIPT, lambda text: text.replace("; query 1,", "; question 1,"))
    found = session.check_evidence(str(forged), options)
    assert found.standing is Standing.CONTRADICTED
    assert re.search(r"ipv4.smt2:\d+: is not what", found.contradictions[0])


def test_reports_say_what_was_shown(bad: Path) -> None:
    """For people and for programs: the standing, what was shown of each family, and what contradicts."""
    good = checked(bad)
    state(bad, replaced(stated(bad), ("answer",), "proved"))
    wrong = checked(bad)
    sentence = "the bundle is stated to be proved, its nodes are refuted"
    text, told = (report("text").render(each, Style(None)) for each in (good, wrong))
    assert "bundle: confirmed: every claim was checked and holds" in text
    assert "node node-a IPv4: 25 of 25 claims confirmed; 24 proofs followed, 1 packet evaluated" in text
    assert "bundle: contradicted: a check contradicts what the bundle claims" in told
    assert f"contradicted: {sentence}" in told
    document = json.loads(report("json").render(wrong, Style(None)))
    assert (document["standing"], document["contradictions"]) == ("contradicted", [sentence])
    assert document["families"][0]["confirmed"] == 25
