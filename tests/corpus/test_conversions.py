"""Recorded nodes are what Calico's own conversions of the NetworkPolicies say, where these stand alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.corpus_path import corpus
from verifier import session
from verifier.model.finding import Answer
from verifier.model.options import VerifyOptions

EMPTY = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicyList\nitems: []\n"


@pytest.mark.exercises("CPO-21", "CPO-15", "CPO-18", "TI-8")
@pytest.mark.parametrize(
    ("scenario", "left"), [("seed", EMPTY), ("shop", EMPTY), ("features-dual", EMPTY), ("seed-v331", "")]
)
def test_conversions_alone_are_the_policies(scenario: str, left: str, tmp_path: Path) -> None:
    """By their names before 3.32 they are known to be all; by their form, only where a list says that no others are."""
    copy = tmp_path / "snapshot"
    shutil.copytree(corpus("calico", scenario), copy)
    (copy / "cluster" / "networkpolicies.yaml").write_text(left or "apiVersion: v1\nkind: ConfigMap\n")
    assert session.verify(str(copy), VerifyOptions()).answer is Answer.PROVED


def test_a_missing_rule_of_a_conversion_is_found(tmp_path: Path) -> None:
    copy = tmp_path / "snapshot"
    shutil.copytree(corpus("calico", "shop"), copy)
    (copy / "cluster" / "networkpolicies.yaml").write_text(EMPTY)
    path = copy / "cluster" / "converted-networkpolicies.yaml"
    text = path.read_text()
    path.write_text(text.replace("- 3000\n", "- 3001\n"))
    assert text != path.read_text()
    assert session.verify(str(copy), VerifyOptions()).answer is Answer.REFUTED
