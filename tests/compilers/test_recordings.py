"""What the compilers here write for a recorded cluster is what the released plug-in wrote, rule by rule and set by set.

Calico's is held against its recordings in tests/corpus/test_felix.py.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.compilers import azure, kube_router, weave
from tests.compilers.bugs import WRITINGS
from tests.compilers.dump import FILES, Dump
from tests.corpus_path import corpus

COUNTERS = re.compile(r"^\[\d+:\d+\] ")
FURTHER = re.compile(r" (?:forceadd )?bucketsize \d+ initval \S+")
NAMED = re.compile(r'( np" .*--match-set) (\S+)(?= dst)')
BETTER = ("not in a namespace is also outside the cluster", "of several values each alone is excluded")
"""Where ours does better than Azure NPM: with these bugs it writes what was recorded."""


def cluster_of(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The objects and the policies of a recording."""
    found: list[dict[str, Any]] = []
    for path in sorted((folder / "cluster").glob("*.yaml")):
        for document in yaml.load_all(path.read_text("utf-8"), Loader=yaml.CSafeLoader):
            if document:
                found += document["items"] if document["kind"].endswith("List") else [document]
    core = [each for each in found if each["apiVersion"] == "v1"]
    return core, [each for each in found if each["apiVersion"] == "networking.k8s.io/v1"]


def rules(lines: list[str]) -> Counter[str]:
    """The rules of the filter table; chains that hash a time are named after what their comments say."""
    table, found = "", []
    for line in lines:
        table = line[1:] if line.startswith("*") else table
        bare = COUNTERS.sub("", line)
        if bare.startswith("-A") and table == "filter":
            found.append(bare)
    names: dict[str, str] = {}
    for rule in found:
        told = re.search(r'--comment "(\S+/\S+) (?:in|out|policy)" -j (KUBE-\S+)', rule)
        mine = re.search(r'-A (KUBE-NWPLCY-\S+) .*--comment "(\S+/\S+) ', rule)
        names |= {told[2]: f"chain of {told[1]}"} if told else {}
        names |= {mine[1]: f"chain of {mine[2]}"} if mine else {}
    return Counter(" ".join(names.get(word, word) for word in rule.split(" ")) for rule in found)


def with_named_ports(found: Counter[str], sets: dict[str, tuple[str, Counter[str]]]) -> Counter[str]:
    """The rules with kube-router's sets of named ports by what is in them: which number is first is chance."""
    return Counter(
        NAMED.sub(lambda match: f"{match[1]} {sorted(sets[match[2]][1])}", rule) for rule in found.elements()
    )


def members(lines: list[str]) -> dict[str, tuple[str, Counter[str]]]:
    """The sets by name, with how they are created and what is in them."""
    found: dict[str, tuple[str, Counter[str]]] = {}
    for line in lines:
        word, name, rest = line.split(" ", 2)
        if word == "create":
            found[name] = (FURTHER.sub("", rest), Counter())
        else:
            found[name][1][rest] += 1
    return found


# Not scale-small of kube-router: there pods are in the sets of numbers that other pods give a name
# (tests/bugs/a-named-port-opens-the-number-of-another-pod.md).
RECORDINGS = [
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
    ("azure", "seed"),
    ("azure", "shop"),
    ("azure", "features"),
    ("azure", "scale-small"),
]
COMPILED = {"azure": azure.compiled, "kube-router": kube_router.compiled, "weave": weave.compiled}


def _ours(compiler: str, folder: Path) -> Dump:
    dump = COMPILED[compiler](*cluster_of(folder))
    for name in BETTER if compiler == "azure" else ():
        dump = WRITINGS["azure"][name][0](dump)
    return dump


@pytest.mark.parametrize(("compiler", "scenario"), RECORDINGS)
def test_rules(compiler: str, scenario: str) -> None:
    """The same rules in the same chains."""
    folder = corpus(compiler, scenario)
    dump = _ours(compiler, folder)
    loaded = members((folder / "nodes" / "node-a" / "ipset-save").read_text("utf-8").splitlines())
    for family in (4, 6) if scenario == "features-dual" else (4,):
        lines = (folder / "nodes" / "node-a" / FILES[family]).read_text("utf-8").splitlines()
        recorded = with_named_ports(rules(lines), loaded)
        ours = with_named_ports(rules(list(dump.rules[family])), members(list(dump.sets)))
        assert len(recorded) > 10
        assert ours - recorded == Counter() and recorded - ours == Counter()


@pytest.mark.parametrize(("compiler", "scenario"), RECORDINGS)
def test_sets(compiler: str, scenario: str) -> None:
    """The same sets by name, with the same members; those that no rule asks may be there or not."""
    folder = corpus(compiler, scenario)
    recorded = members((folder / "nodes" / "node-a" / "ipset-save").read_text("utf-8").splitlines())
    ours = members(list(_ours(compiler, folder).sets))
    numbered = {
        match[2] for lines in _ours(compiler, folder).rules.values() for match in NAMED.finditer("\n".join(lines))
    }
    own = [name for name in ours if name not in (*numbered, "weaver-no-masq-local") and not name.startswith("inet6:")]
    assert own
    for name in own:
        assert recorded[name] == ours[name], name
