"""What we believe that Felix writes is what it wrote, byte for byte, hashes of rules and names included."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.corpus_path import corpus
from tests.felix.dialect import Dialect
from tests.felix.tables import STATIC_SETS, Node

V332 = Dialect((3, 32))
RECORDINGS = [
    ("seed", V332),
    ("shop", V332),
    ("features", V332),
    ("features-dual", V332),
    ("features-dual", Dialect((3, 32), family=6)),
    ("scale-small", V332),
    ("seed-v331", Dialect((3, 31))),
    ("seed-mask", Dialect((3, 32), mask=0xFF000000)),
    ("shop-drop", Dialect((3, 32), to_host="DROP")),
]
COUNTERS = re.compile(r"^\[\d+:\d+\] ")


def objects(folder: Path) -> list[dict[str, Any]]:
    """Every object of a recording's cluster."""
    found: list[dict[str, Any]] = []
    for path in sorted((folder / "cluster").glob("*.yaml")):
        for document in yaml.load_all(path.read_text("utf-8"), Loader=yaml.CSafeLoader):
            if document:
                found += document["items"] if document["kind"].endswith("List") else [document]
    return found


def of(folder: Path, dialect: Dialect) -> Node:
    found = objects(folder)
    policies = [each for each in found if each["apiVersion"] == "networking.k8s.io/v1"]
    return Node(dialect, [each for each in found if each["apiVersion"] == "v1"], policies)


def rules(text: str) -> Counter[str]:
    """The rules of a dump, with their tables."""
    found: Counter[str] = Counter()
    table = ""
    for line in text.splitlines():
        table = line[1:] if line.startswith("*") else table
        bare = COUNTERS.sub("", line)
        if bare.startswith("-A"):
            found[f"{table} {bare}"] += 1
    return found


@pytest.mark.parametrize(("scenario", "dialect"), RECORDINGS, ids=lambda each: str(getattr(each, "family", each)))
def test_rules(scenario: str, dialect: Dialect) -> None:
    """The same rules in the same chains: a running hash in each says that they are in the same order, too."""
    folder = corpus("calico", scenario)
    name = "iptables-save" if dialect.family == 4 else "ip6tables-save"
    recorded = rules((folder / "nodes" / "node-a" / name).read_text("utf-8"))
    assert sum(recorded.values()) > 100
    assert rules(of(folder, dialect).saved()) == recorded


@pytest.mark.parametrize(("scenario", "dialect"), RECORDINGS, ids=lambda each: str(getattr(each, "family", each)))
def test_sets(scenario: str, dialect: Dialect) -> None:
    """The same sets by name, with the same members."""
    folder = corpus("calico", scenario)
    node = of(folder, dialect)
    node.saved()
    expected = {
        name: (kind, sorted(members))
        for name, (kind, members) in node.sets.found.items()
        if not any(name.endswith(static) for static in STATIC_SETS)
    }
    recorded: dict[str, tuple[str, list[str]]] = {}
    for line in (folder / "nodes" / "node-a" / "ipset-save").read_text("utf-8").splitlines():
        words = line.split()
        if words[1].startswith((f"cali{dialect.family}0s:", f"cali{dialect.family}0n:")):
            if words[0] == "create":
                recorded[words[1]] = (words[2], [])
            else:
                recorded[words[1]][1].append(words[2])
    assert expected == {name: (kind, sorted(members)) for name, (kind, members) in recorded.items()}
