"""Whatever a Felix of any release writes for policies that it can express is proved; with one rule lost, it is judged.

The dumps are not recorded: tests/felix writes them from our notes, and is held against recordings in tests/corpus.
"""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from tests.felix import bug_pages, dialect_pages, host_pages, setting_pages
from tests.felix.dialect import Dialect
from tests.felix.pages import Page
from tests.felix.samples import DIALECTS, cluster, peers_known, policy, ports_known, routes, types_known
from tests.felix.tables import Node
from tests.oracle import check
from verifier.compilers import recognise
from verifier.model.finding import Answer
from verifier.model.options import VerifyOptions
from verifier.questions.verify import NodeVerdict, verify_node
from verifier.readers.snapshot import read_snapshot

SUBJECTS: list[dict[str, Any]] = [
    {},
    {"matchLabels": {"app": "web"}},
    {"matchExpressions": [{"key": "tier", "operator": "Exists"}]},
]


def some_policies(dialect: Dialect, chance: random.Random) -> list[dict[str, Any]]:
    """Up to five policies of things that the release can express."""
    found = []
    for number in range(chance.randint(1, 5)):
        types = chance.choice(types_known(dialect))
        spec: dict[str, Any] = {"podSelector": chance.choice(SUBJECTS), "policyTypes": types}
        for kind, side in (("Ingress", "from"), ("Egress", "to")):
            if kind in types:
                rules = [a_rule(dialect, chance, side) for _ in range(chance.randint(0, 2))]
                spec |= {kind.lower(): rules} if rules else {}
        found.append(policy(f"p{number}", spec, chance.choice(["shop", "shop", "edge"])))
    return found


def a_rule(dialect: Dialect, chance: random.Random, side: str) -> dict[str, Any]:
    peers = chance.sample(peers_known(dialect), chance.randint(0, 2))
    ports = chance.choice([[], *ports_known(dialect)])
    return ({side: peers} if peers else {}) | ({"ports": ports} if ports else {})


def written(dialect: Dialect, policies: list[dict[str, Any]], folder: Path) -> Node:
    """The snapshot of a node that such a Felix programmed."""
    objects = cluster()
    node = Node(dialect, objects, policies)
    (folder / "cluster").mkdir(parents=True)
    place = folder / "nodes" / "node-a"
    place.mkdir(parents=True)
    for name, items in (("objects", objects), ("policies", policies)):
        (folder / "cluster" / f"{name}.json").write_text(
            json.dumps({"kind": "List", "apiVersion": "v1", "items": items})
        )
    (place / "iptables-save").write_text(node.saved())
    (place / "ipset-save").write_text(node.sets.saved(dialect.family))
    (place / "routes.json").write_text(json.dumps(routes(dialect, objects)))
    return node


def verified(folder: Path) -> NodeVerdict:
    snapshot = read_snapshot(str(folder))
    (node,) = snapshot.nodes
    profile = recognise(node)
    assert profile.name == "calico"
    return verify_node(snapshot, node, profile, VerifyOptions())


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", DIALECTS)
def test_what_felix_writes_is_proved(name: str, seed: int, tmp_path: Path) -> None:
    """Each release keeps its policies, however it spells them."""
    dialect = DIALECTS[name]
    policies = some_policies(dialect, random.Random(f"{name} {seed}"))
    written(dialect, policies, tmp_path)
    verdict = verified(tmp_path)
    reasons = [question.reasons for question in verdict.questions if question.reasons]
    found = [(each.kind, each.path, each.packet) for each in verdict.differences]
    assert verdict.answer is Answer.PROVED, (json.dumps(policies), found, reasons)


MARK_TEST = re.compile(r"-m mark --mark (0x[0-9a-f]+)/(0x[0-9a-f]+)")


def damaged(line: str, chance: random.Random) -> str:
    """The line without its effect, with a mark test turned round, with its ends exchanged, or not at all."""
    ways = [""]
    found = MARK_TEST.search(line)
    if found:
        value = "0x0" if found[1] == found[2] else found[2]
        ways.append(MARK_TEST.sub(f"-m mark --mark {value}/{found[2]}", line))
    if " src " in line or " dst " in line:
        ways.append(line.replace(" src ", " src2 ").replace(" dst ", " src ").replace(" src2 ", " dst "))
    if line.endswith("-j DROP"):
        ways.append(line.removesuffix("DROP") + "ACCEPT")
    return chance.choice(ways)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", DIALECTS)
def test_what_felix_never_writes_is_judged(name: str, seed: int, tmp_path: Path) -> None:
    """A damaged rule in a release's dump gets the verdict that an oracle of plain loops confirms."""
    dialect, chance = DIALECTS[name], random.Random(f"damage {name} {seed}")
    written(dialect, some_policies(dialect, chance), tmp_path)
    dump = tmp_path / "nodes" / "node-a" / "iptables-save"
    lines = dump.read_text().splitlines()
    place = chance.choice(
        [at for at, line in enumerate(lines) if re.match(r"-A cali-(FORWARD|[tf]w-|p[ior]+-|g)", line)]
    )
    lines[place] = damaged(lines[place], chance)
    dump.write_text("\n".join([*lines, ""]))
    snapshot = read_snapshot(str(tmp_path))
    (node,) = snapshot.nodes
    profile = recognise(node)
    verdict = verify_node(snapshot, node, profile, VerifyOptions())
    assert check(snapshot, node, profile, verdict) == [], lines[place]


@pytest.mark.parametrize(
    "page",
    (*dialect_pages.PAGES, *host_pages.PAGES, *setting_pages.PAGES, *bug_pages.PAGES),
    ids=lambda page: page.name,
)
def test_pages_show_what_felix_writes(page: Page) -> None:
    """The pages of tests/cases/verify on releases are as `python -m tests.felix.pages` writes them."""
    assert page.path.read_text("utf-8") == page.rendered()
