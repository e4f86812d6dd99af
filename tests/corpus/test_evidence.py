"""What verify answers, the scripts of its evidence answer too: of recorded nodes with a second solver, and of the pages.

An export whose scripts do not answer like `verify` ends with exit code 4.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
from pathlib import Path
from zlib import crc32

import pytest

from tests.corpus_path import ROOT, corpus
from tests.literate import Section, pages, sections
from tests.pages.world import write_snapshot
from verifier.cli.main import run

RECORDED = [
    *((compiler, scenario) for compiler in ("azure", "calico", "kube-router", "weave") for scenario in ("seed", "shop", "features")),
    *((compiler, "features-dual") for compiler in ("calico", "kube-router")),
]  # fmt: skip
SERVICES = [(compiler, "shop-services") for compiler in ("azure", "calico", "kube-router", "weave")]
ONE_OF = 1 if os.environ.get("CHAINPROOF_FUZZ") == "long" else 6
"""By default one of so many pages is asked."""
WITHOUT_QUERIES = ("--encoding", "--for-all", "--timeout")
"""Options of verify that no bundle is made with."""


def _posed() -> list[tuple[Section, str]]:
    found = [
        (section, block.argument)
        for page in pages()
        for section in sections(page)
        for block in section.asserting()
        if block.kind == "answer verify" and not any(each in block.argument for each in WITHOUT_QUERIES)
    ]
    return [each for each in found if crc32(f"{each[0].name} {each[1]}".encode()) % ONE_OF == 0]


@pytest.mark.exercises("EV-3", "EV-4", "EV-5", "EV-8")
@pytest.mark.parametrize(("section", "options"), [pytest.param(s, o, id=f"{s.name} {o}") for s, o in _posed()])
def test_the_script_of_a_page_answers_like_verify(section: Section, options: str, tmp_path: Path) -> None:
    """Where everything that is decided is written, what is decided is the same; what is not has no queries."""
    snapshot = write_snapshot(section, tmp_path / "snapshot")
    code = run(["evidence", "export", str(snapshot), str(tmp_path / "bundle"), *shlex.split(options)])
    assert code in (0, 1, 3), f"{section.page.relative_to(ROOT)}: exit code {code}"
    stated = json.loads((tmp_path / "bundle/manifest.json").read_text("utf-8"))
    for family in (each for node in stated["nodes"] for each in node["families"]):
        assert bool(family["script"]) is not bool(family["not-exported"])
        asked = [question for question in family["questions"] if question["queries"]]
        assert all(question["answer"] in ("proved", "refuted") for question in asked)
        assert family["script"] or not asked
        assert code or len(asked) == len(family["questions"])


@pytest.mark.exercises("EV-1", "EV-6", "EV-13")
@pytest.mark.parametrize(("compiler", "scenario"), RECORDED)
def test_the_bundle_of_a_recorded_node_holds(compiler: str, scenario: str, tmp_path: Path) -> None:
    """Hashes, proofs, packets, the answers of a second solver where one is installed, and the snapshot."""
    bundle, snapshot = str(tmp_path / "bundle"), str(corpus(compiler, scenario))
    assert run(["evidence", "export", snapshot, bundle]) in (0, 1)
    installed = any(importlib.util.find_spec(name) for name in ("bitwuzla", "cvc5"))
    solver = () if installed else ("--without-solver",)
    assert run(["evidence", "check", bundle, "--snapshot", snapshot, *solver]) == 0


@pytest.mark.exercises("EV-7")
@pytest.mark.parametrize(("compiler", "scenario"), SERVICES)
def test_packets_that_a_recorded_node_sends_on_are_asked(compiler: str, scenario: str, tmp_path: Path) -> None:
    """Of three pods, with what kube-proxy makes of the addresses of Services."""
    pods = ("--pod", "shop/cart-1", "--pod", "shop/frontend-1")
    code = run(["evidence", "export", str(corpus(compiler, scenario)), str(tmp_path / "bundle"), *pods])
    assert code in (0, 1)
    script = (tmp_path / "bundle/nodes/node-a/ipv4.smt2").read_text()
    assert script.count(", sent on by the node: ") >= 5
