"""What is proved of a node for every cluster is proved in other clusters: with other pods elsewhere and sets that follow them.

CHAINPROOF_FUZZ=long takes many more worlds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from tests.compilers.bugs import BUGS
from tests.compilers.bugs.record import Bug
from tests.compilers.styles import STYLES
from tests.compilers.worlds import SPACE_VALUES, VALUES
from verifier.compilers import recognise
from verifier.model.addresses import parse_address
from verifier.model.cluster import Cluster, ContainerPort, Namespace, Pod
from verifier.model.fields import NAMESPACE_NAME, End
from verifier.model.finding import Answer, Question
from verifier.model.node import NodeState
from verifier.model.options import VerifyOptions, silent
from verifier.model.origin import Origin
from verifier.questions.for_all import ask
from verifier.questions.relevance import Home, Near
from verifier.questions.universal import Universes, bound
from verifier.questions.verify import verify_node
from verifier.readers.snapshot import read_snapshot

LONG = os.environ.get("CHAINPROOF_FUZZ") == "long"
SEED = int(os.environ.get("CHAINPROOF_SEED", "0"))
WORLDS = 40 if LONG else 2
CLUSTERS = 4
"""How many other clusters are tried in a world."""
PODS = 6
ORIGIN = Origin("drawn")
ADDRESSES = {
    4: ("10.0.0.5", "10.0.0.3", "10.0.0.130", "10.0.1.7", "10.0.200.1", "10.9.0.1", "172.16.4.9", "172.17.0.1",
        "172.18.0.1", "198.51.100.7", "203.0.113.5", "192.168.5.5"),
    6: ("fd01::9", "fd01::3", "fd01:0:0:1::5", "2001:db8::7", "2001:db8:1::1", "fd02::1"),
}  # fmt: skip
"""In and beside the networks that policies speak of."""


def others(cluster: Cluster, node: NodeState, random: Random) -> Cluster:
    """The cluster with other pods elsewhere, in the same namespaces and in others."""
    near = tuple(pod for pod in cluster.pods if pod.node == node.name)
    taken = {item for pod in near for item in pod.addresses.items()}
    free = {family: [parse_address(text)[1] for text in texts] for family, texts in ADDRESSES.items()}
    for family, addresses in free.items():
        random.shuffle(addresses)
        free[family] = [address for address in addresses if (family, address) not in taken]
    spaces = {pod.namespace: cluster.namespaces[pod.namespace] for pod in near}
    for name in ("bare", "new"):
        labels = {
            key: random.choice([*values, "other"]) for key, values in SPACE_VALUES.items() if random.random() < 0.7
        }
        spaces.setdefault(name, Namespace(name, {**labels, NAMESPACE_NAME: name}, ORIGIN))
    ports = sorted({(port.name, port.protocol, port.number) for pod in cluster.pods for port in pod.ports if port.name})
    pods = []
    for number in range(PODS):
        labels = {key: random.choice([*values, "other"]) for key, values in VALUES.items() if random.random() < 0.7}
        named = {name: ContainerPort(name, *rest) for name, *rest in random.sample(ports, len(ports) // 2)}
        at = {family: free[family].pop() for family in node.rulesets if free[family]}
        space = random.choice(sorted(spaces))
        pods.append(
            Pod(space, f"drawn-{number}", labels, at, "node-b", False, "Running", tuple(named.values()), ORIGIN)
        )
    return replace(cluster, pods=(*near, *pods), namespaces=spaces)


def presumed(universes: Universes, cluster: Cluster, node: NodeState) -> bool:
    """Whether no pod elsewhere is one for which there are no rules yet (FA-5)."""
    for family, unwritten in universes.unwritten.items():
        far = [pod for pod in cluster.pods if pod.node != node.name and family in pod.addresses]
        near = Near(family, [Home(pod, pod.addresses[family], None) for pod in far], cluster, {}, {})
        for selection in unwritten.values():
            chosen, _ = near.passing(selection.pods, End.SOURCE)
            for place, pod in enumerate(far):
                declared = {(port.protocol, port.name, port.number) for port in pod.ports}
                if chosen >> place & 1 and (not selection.ports or declared & set(selection.ports)):
                    return False
    return True


def contradictions(bug: Bug | None, style: str, seed: int, folder: Path) -> Iterator[Question]:
    """What is proved for every cluster, and not in one of them."""
    world = STYLES[style].world(seed)
    compiled = STYLES[style].compiled
    dump = compiled(world.objects, world.policies) if bug is None else bug.dump(style, world)
    snapshot = read_snapshot(str(dump.write(folder, world.objects, world.policies)))
    (node,) = snapshot.nodes
    profile = recognise(node)
    verdict = ask(snapshot, node, profile, VerifyOptions(), silent).verdict
    proved = {(each.pod, each.path, each.family) for each in verdict.questions if each.answer is Answer.PROVED}
    universes = Universes(snapshot.cluster, node, profile, profile.deviations(node))
    random = Random(f"{style} {seed}")
    for _ in range(CLUSTERS):
        cluster = others(snapshot.cluster, node, random)
        if not presumed(universes, cluster, node):
            continue
        there = bound(cluster, universes.bare, universes.selections)
        found = verify_node(
            replace(snapshot, cluster=cluster), there, profile, VerifyOptions(),
            deviations=profile.deviations(node), premises=False,
        )  # fmt: skip
        yield from (
            each
            for each in found.questions
            if each.answer is not Answer.PROVED and (each.pod, each.path, each.family) in proved
        )


@pytest.mark.exercises("FA-1", "FA-2", "FA-3", "FA-4", "FA-5", "FA-6")
@pytest.mark.parametrize("number", range(WORLDS))
@pytest.mark.parametrize("style", STYLES)
def test_what_is_proved_for_every_cluster_holds_in_others(style: str, number: int, tmp_path: Path) -> None:
    """Of what a plug-in writes, and of what it writes with a bug."""
    bugs = [bug for bug in BUGS if style in bug.styles]
    for bug in (None, bugs[(SEED + number) % len(bugs)]):
        assert list(contradictions(bug, style, SEED + number, tmp_path / str(bug is None))) == []
