"""What is proved and what is refuted of the recordings of real compilers, and that exhaustive checks say the same."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from tests.corpus_path import corpus
from tests.oracle import check
from verifier import session
from verifier.compilers import recognise
from verifier.model.finding import Answer, Difference, Finding, Kind, Question, VerifyReport
from verifier.model.options import VerifyOptions
from verifier.questions.verify import verify_node
from verifier.readers.snapshot import read_snapshot

PROVED = (
    ("calico", "seed"),
    ("calico", "seed-mask"),
    ("calico", "seed-v331"),
    ("calico", "shop"),
    ("calico", "shop-nft"),
    ("calico", "shop-drop"),
    ("calico", "features"),
    ("calico", "features-dual"),
    ("calico", "scale-small"),
    ("calico", "scale"),
    ("kube-router", "seed"),
    ("kube-router", "shop"),
    ("kube-router", "features"),
    ("kube-router", "features-dual"),
    ("weave", "seed"),
    ("weave", "shop"),
    ("weave", "shop-numeric"),
    ("weave", "features"),
    ("weave", "features-numeric"),
    ("weave", "scale-small"),
    ("weave", "scale-small-numeric"),
    ("weave", "scale"),
)
REFUTED = (("kube-router", "scale-small"), ("kube-router", "scale"))
SMALL = tuple(each for each in PROVED if not each[1].startswith("scale"))
NAMES = "/".join
EXCUSED = {
    ("calico", "shop-drop"): {"endpoint-to-host", "vxlan-from-pods"},
    ("kube-router", "shop"): {"own-node-egress"},
    ("calico", "shop"): {"own-node-egress", "vxlan-from-pods"},
    ("weave", "seed"): set(),
    ("weave", "shop"): {"named-ports-rejected"},
    ("weave", "shop-numeric"): set(),
    ("weave", "features"): {"named-ports-rejected"},
    ("weave", "features-numeric"): {"end-port-ignored"},
    ("weave", "scale"): {"end-port-ignored", "named-ports-rejected"},
}


def verified(recording: tuple[str, str], *, strict: bool = False) -> VerifyReport:
    return session.verify(str(corpus(*recording)), VerifyOptions(strict=strict))


@pytest.mark.parametrize("recording", PROVED, ids=NAMES)
def test_proved(recording: tuple[str, str]) -> None:
    """Every pod, path and family of the node is proved."""
    report = verified(recording)
    (node,) = report.nodes
    assert report.answer is Answer.PROVED, [finding.cause for finding in node.findings]
    assert node.compiler == recording[0]
    assert {question.answer for question in node.questions} == {Answer.PROVED}
    assert len(node.questions) == 5 * len({(question.pod, question.family) for question in node.questions})
    if recording in EXCUSED:
        assert {premise.name for premise in node.deviations} == EXCUSED[recording]


@pytest.mark.parametrize("recording", [("calico", "shop"), ("calico", "shop-drop"), ("kube-router", "shop")], ids=NAMES)
def test_refuted_without_excuses(recording: tuple[str, str]) -> None:
    """What documented deviations excuse is found when they are switched off, on the path between pods and their node."""
    (node,) = verified(recording, strict=True).nodes
    assert node.answer is Answer.REFUTED
    assert "pod-to-node" in {finding.path.value for finding in node.findings}
    assert not any(finding.kind is Kind.LEAK for finding in node.findings)


NAMED_PORTS = "a set for one number of a named port holds pods that use another number"
OTHER_DIRECTION = "the rules of a policy for one direction let through what its rules for the other direction do not"
MERGED_BLOCKS = "an exception of one block cuts a hole in another block of the same rule"


def cause_of(finding: Finding) -> str:
    """Which of the known faults of the compiler a finding is, "" where it is none of them."""
    texts = [rule.text for rule in finding.rules]
    if finding.kind is Kind.BLOCKED:
        return MERGED_BLOCKS if re.search(r"the entry \S+ nomatch of set", finding.cause) else ""
    if any(re.search(r"(in|e)gress (pods|any|cidr) np\"", text) for text in texts):
        return NAMED_PORTS
    marked = {match[1] for text in texts if (match := re.search(r"([ie]n?gress) (?:pods|any|cidr)\"", text))}
    asked = {rule.direction.value for _, rule in finding.policies if rule is not None}
    return OTHER_DIRECTION if marked and (marked != asked or len(marked) > 1) else ""


@pytest.mark.parametrize("recording", REFUTED, ids=NAMES)
def test_refuted(recording: tuple[str, str]) -> None:
    """kube-router's large recordings show three faults of the compiler, each of them among the findings, and no other."""
    report = verified(recording)
    (node,) = report.nodes
    assert report.answer is Answer.REFUTED
    assert Answer.UNDECIDED not in {question.answer for question in node.questions}
    assert not [q for q in node.questions if q.answer is Answer.REFUTED and "node" in q.path.value]
    causes = {finding.id: cause_of(finding) for finding in node.findings}
    strange = [finding for finding in node.findings if not causes[finding.id]]
    assert not strange, [(f.id, f.cause, [rule.text for rule in f.rules]) for f in strange]
    assert set(causes.values()) == {NAMED_PORTS, OTHER_DIRECTION, MERGED_BLOCKS}


@dataclass(frozen=True, slots=True)
class Told:
    """What a report says, as the oracle reads it."""

    answer: Answer
    questions: tuple[Question, ...]
    differences: tuple[Difference, ...]


@pytest.mark.parametrize("strict", [False, True], ids=["", "strict"])
@pytest.mark.parametrize("recording", SMALL, ids=NAMES)
def test_exhaustively(recording: tuple[str, str], *, strict: bool) -> None:
    """Every representative packet is treated and judged as the verdict says, with and without excuses."""
    snapshot = read_snapshot(str(corpus(*recording)))
    (node,) = snapshot.nodes
    profile = recognise(node)
    verdict = verify_node(snapshot, node, profile, VerifyOptions(strict=strict))
    assert not check(snapshot, node, profile, verdict, strict=strict, sample=400)


@pytest.mark.parametrize(
    "recording", [("kube-router", "scale-small"), ("calico", "scale-small"), ("weave", "scale-small")], ids=NAMES
)
@pytest.mark.parametrize("seed", [1, 2])
def test_by_samples(recording: tuple[str, str], seed: int) -> None:
    """A random choice of the packets of a larger node: what the report's findings say of them holds."""
    snapshot = read_snapshot(str(corpus(*recording)))
    (node,) = snapshot.nodes
    (told,) = verified(recording).nodes
    regions = tuple(
        Difference(each.kind, each.path, each.family, each.pods, each.region, each.witness.packet)
        for each in told.findings
    )
    verdict = Told(told.answer, told.questions, regions)
    assert not check(snapshot, node, recognise(node), verdict, sample=200, seed=seed)
