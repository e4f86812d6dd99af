"""Laws of verification on small random nodes: whatever the rules are, the verdict is what every packet says."""

from __future__ import annotations

import os
import random
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.oracle import check, covered
from tests.oracle.world import judge_family
from tests.properties.worlds import CHAINS, NETWORK_POLICY, World, worlds
from verifier.compilers import by_name
from verifier.model.finding import Box, Kind
from verifier.model.node import NodeState
from verifier.model.options import VerifyOptions
from verifier.model.path import Path as PacketPath
from verifier.model.snapshot import Snapshot
from verifier.questions.verify import NodeVerdict, verify_node
from verifier.readers.snapshot import read_snapshot

LONG = 25 if os.environ.get("CHAINPROOF_FUZZ") == "long" else 1
GENERIC = by_name("generic")


def bounded(examples: int) -> settings:
    """Some examples, the same in every run unless it is a long one."""
    return settings(
        max_examples=examples * LONG,
        deadline=None,
        derandomize=LONG == 1,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@contextmanager
def read(world: World) -> Iterator[tuple[Snapshot, NodeState]]:
    with tempfile.TemporaryDirectory() as folder:
        snapshot = read_snapshot(world.write(Path(folder) / "snapshot"))
        (node,) = snapshot.nodes
        yield snapshot, node


def verified(world: World, options: VerifyOptions | None = None) -> tuple[Snapshot, NodeState, NodeVerdict]:
    with read(world) as (snapshot, node):
        return snapshot, node, verify_node(snapshot, node, GENERIC, options or VerifyOptions())


Told = tuple[dict[tuple[str, str], str], set[tuple[Kind, PacketPath, Box]]]


def told(verdict: NodeVerdict, family: int) -> Told:
    """Answers and regions, without the order in which they are listed."""
    answers = {(q.pod, q.path.value): q.answer.value for q in verdict.questions if q.family == family}
    boxes = {(d.kind, d.path, box) for d in verdict.differences for box in d.region}
    return answers, boxes


@bounded(70)
@given(worlds())
def test_verdicts_hold_for_every_packet(world: World) -> None:
    """Rules with marks, gotos, nested chains, sets and states mean to the engine what they mean to the reference."""
    snapshot, node, verdict = verified(world)
    assert not check(snapshot, node, GENERIC, verdict), world.dump()


DRAWN_TWICE = World(
    4,
    {
        "filter": {
            "INPUT": [],
            "OUTPUT": [],
            "FORWARD": [
                "-j c0",
                "-m mark --mark 0x1/0x1 -j MARK --set-xmark 0x2/0x2",
                "-j MARK --set-xmark 0x0/0x1",
                "-j c0",
                "-m mark --mark 0x2/0x3 -j DROP",
            ],
            "c0": ["-m limit --limit 1/sec -j RETURN", "-j MARK --set-xmark 0x1/0x1"],
        }
    },
    [
        {
            **NETWORK_POLICY,
            "metadata": {"namespace": "other", "name": "none"},
            "spec": {"podSelector": {"matchLabels": {"app": "none"}}},
        }
    ],
    [],
)
"""A limit that a packet meets twice, and that may say two things of it."""


@bounded(40)
@example(DRAWN_TWICE)
@given(worlds(opaque=True))
def test_verdicts_hold_whatever_is_opaque(world: World) -> None:
    """Rules that nobody can read make exactly those answers undecided that hang on them."""
    snapshot, node, verdict = verified(world)
    assert not check(snapshot, node, GENERIC, verdict), world.dump()


UNTRACKING = ["-j NOTRACK", "-p tcp -j CT --notrack", "-m conntrack --ctstate ESTABLISHED,RELATED -j NOTRACK"]
STATEFUL = [
    "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-m conntrack ! --ctstate NEW -j DROP",
    "-m conntrack --ctstate UNTRACKED -j MARK --set-xmark 0x1/0x1",
    "-m conntrack --ctstate ESTABLISHED,DNAT -j RETURN",
]


@bounded(30)
@given(worlds(), st.sampled_from(UNTRACKING), st.lists(st.sampled_from(STATEFUL), min_size=1, max_size=2))
def test_verdicts_hold_for_what_is_not_tracked(world: World, untracking: str, stateful: list[str]) -> None:
    """A packet that is taken out of tracking meets the rest of the rules in another state, and no nat table."""

    def changed(tables: dict[str, dict[str, list[str]]]) -> dict[str, dict[str, list[str]]]:
        filters = tables["filter"] | {"FORWARD": [*stateful, *tables["filter"]["FORWARD"]]}
        nat = {"PREROUTING": ["-p tcp -j DROP", *tables.get("nat", {}).get("PREROUTING", [])]}
        return {"raw": {"PREROUTING": [untracking]}, **tables, "nat": nat, "filter": filters}

    untracked = world.with_tables(changed)
    snapshot, node, verdict = verified(untracked)
    assert not check(snapshot, node, GENERIC, verdict), untracked.dump()


@bounded(12)
@given(worlds(others=False))
def test_classes_and_bits_agree(world: World) -> None:
    """Stating every test over plain header bits gives the same answers and regions as packet classes."""
    _, _, by_classes = verified(world)
    _, _, by_bits = verified(world, VerifyOptions(bits=True))
    assert told(by_classes, world.family) == told(by_bits, world.family)


@bounded(25)
@given(worlds(), st.permutations(CHAINS), st.booleans())
def test_names_and_order_of_tables_mean_nothing(world: World, names: list[str], backwards: bool) -> None:
    """Chains with other names, tables in another order and rules with counters are the same node."""
    renaming = {f"c{number}": f"x-{name}" for number, name in enumerate(names)}

    def changed(tables: dict[str, dict[str, list[str]]]) -> dict[str, dict[str, list[str]]]:
        order = reversed(tables) if backwards else list(tables)
        return {
            table: {
                renaming.get(name, name): [
                    re.sub(r"-([jg]) (c\d)$", lambda m: f"-{m[1]} {renaming[m[2]]}", rule) for rule in rules
                ]
                for name, rules in sorted(tables[table].items(), key=lambda item: renaming.get(item[0], item[0]))
            }
            for table in order
        }

    _, _, before = verified(world)
    _, _, after = verified(world.with_tables(changed))
    assert told(before, world.family) == told(after, world.family)


@bounded(20)
@given(worlds(marks=False, others=False), st.randoms(use_true_random=False))
def test_order_of_policies_means_nothing(world: World, order: random.Random) -> None:
    """NetworkPolicies are a set, and so are their rules."""
    shuffled = [
        {**policy, "spec": {**policy["spec"], **{k: v[::-1] for k, v in policy["spec"].items() if k.endswith("gress")}}}
        for policy in world.policies
    ]
    order.shuffle(shuffled)
    _, _, before = verified(world)
    _, _, after = verified(replace(world, policies=shuffled))
    assert told(before, world.family) == told(after, world.family)


@bounded(25)
@given(worlds(marks=False, others=False), st.data())
def test_a_wider_accept_accepts_no_less(world: World, data: st.DataObject) -> None:
    """An accepting rule that loses its tests makes leaks of no packet less, and blocks none more."""
    places = [
        (chain, number)
        for chain, rules in world.tables["filter"].items()
        for number, rule in enumerate(rules)
        if rule.endswith("-j ACCEPT")
    ]
    if not places:
        return
    chain, number = data.draw(st.sampled_from(places))
    rules = list(world.tables["filter"][chain])
    rules[number] = "-j ACCEPT"
    wider = replace(world, tables={"filter": {**world.tables["filter"], chain: rules}})
    snapshot, node, before = verified(world)
    _, _, after = verified(wider)
    judged = judge_family(snapshot, node, GENERIC, world.family)
    assert judged is not None
    for narrow, wide, kind in ((before, after, Kind.LEAK), (after, before, Kind.BLOCKED)):
        lost = covered(judged.batch, narrow.differences, kind) & ~covered(judged.batch, wide.differences, kind)
        assert not lost, (kind, judged.batch.packet((lost & -lost).bit_length() - 1), world.dump())
