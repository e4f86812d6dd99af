"""Weave Net's sets: names that hash what a set stands for, and what that is now.

Spec: specs/compilers/weave.md
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from verifier.compilers.ideal import ideal_members, ideal_pods, network
from verifier.compilers.selection import Population, pods_in, pods_of, selecting
from verifier.compilers.weave_deviations import NAMED_PORTS, without_names
from verifier.model.cluster import Cluster
from verifier.model.fields import Scope
from verifier.model.ipset import AddressPart, IpSet, SetContent, SetMember
from verifier.model.node import NodeState
from verifier.model.policy import Direction, Policy
from verifier.model.predicate import all_of, any_of, negate
from verifier.model.profile import IdealSet, Selection
from verifier.model.written import WrittenBlock, WrittenPeer, WrittenSelector

PREFIX = "weave-"
DIGITS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789(){}[]+=_$%^!*|/?.;:@#~"
DEFAULT_ALLOW = {Direction.INGRESS: "ingress-default-allow:", Direction.EGRESS: "egress-default-allow:"}


def set_name(text: str) -> str:
    """The name of the set that stands for `text`: its SHA-1 as one number in base 85, the lowest digit first (WV-5)."""
    number = int.from_bytes(hashlib.sha1(text.encode(), usedforsecurity=False).digest(), "big")
    digits = []
    while number:
        number, digit = divmod(number, len(DIGITS))
        digits.append(DIGITS[digit])
    return PREFIX + "".join(digits)


def computed_set(name: str) -> bool:
    """Whether a set's name is one that the controller computes; the router's own set begins otherwise."""
    return name.startswith(PREFIX)


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a set is for: one of the fields says it.

    `unselected` is the direction in which no policy selects the pods of `namespace`; `pods` and `namespaces` are the
    selectors of a peer or target (None for what is not asked); `block` is one of whose exceptions the set holds.
    """

    namespace: str = ""
    unselected: Direction | None = None
    pods: WrittenSelector | None = None
    namespaces: WrittenSelector | None = None
    block: WrittenBlock | None = None


def purposes(cluster: Cluster) -> Iterator[tuple[str, Purpose]]:
    """The sets that the controller can have for a cluster, by name."""
    spaces = sorted({*cluster.namespaces, *(pod.namespace for pod in cluster.pods)})
    for space in spaces:
        for direction, text in DEFAULT_ALLOW.items():
            yield set_name(text + space), Purpose(space, unselected=direction)
        yield set_name(f"{space}:"), Purpose(space, pods=WrittenSelector())
    for policy in _policies(cluster):
        written = policy.written
        if written is None:
            continue
        yield _selected(Purpose(written.namespace, pods=written.pods))
        for rule in (*written.ingress, *written.egress):
            for peer in rule.peers:
                yield from _of_peer(peer, written.namespace)


def _policies(cluster: Cluster) -> Iterator[Policy]:
    for tier in cluster.tiers:
        yield from tier.policies


def _of_peer(peer: WrittenPeer, home: str) -> Iterator[tuple[str, Purpose]]:
    if peer.block is not None:
        if peer.block.excepts:
            texts = " ".join(sorted(peer.block.excepts))
            yield set_name(f"{home}:ipblock-except:{texts}"), Purpose(home, block=peer.block)
    elif peer.namespaces is None:
        yield _selected(Purpose(home, pods=peer.pods))
    else:
        yield _selected(Purpose(pods=peer.pods, namespaces=peer.namespaces))


def _selected(purpose: Purpose) -> tuple[str, Purpose]:
    """Selectors of namespaces and of pods are written one after the other, with nothing between them."""
    texts = [each.canonical for each in (purpose.namespaces, purpose.pods) if each is not None]
    return set_name(f"{purpose.namespace}:{''.join(texts)}"), purpose


def ideal_sets(node: NodeState, cluster: Cluster) -> Mapping[str, IdealSet]:
    """Every loaded set that stands for something of the cluster, with what that is now."""
    population = Population(cluster, 4)
    return {name: _ideal(known, purpose, population, cluster) for name, known, purpose in _loaded(node, cluster)}


def selections(node: NodeState, cluster: Cluster) -> Mapping[str, Selection | None]:
    """Every loaded set that stands for something, with the pods that it stands for in every cluster."""
    population = Population(cluster, 4)
    found: dict[str, Selection | None] = {}
    for name, known, purpose in _loaded(node, cluster):
        if purpose.unselected is not None:
            rejecting = bool(_ideal(known, purpose, population, cluster).quirk)
            found[name] = _unselecting(purpose.namespace, purpose.unselected, cluster, rejecting=rejecting)
        else:
            found[name] = None if purpose.block is not None else _selecting(known, purpose)
    return found


def _selecting(known: IpSet, purpose: Purpose) -> Selection:
    pods = purpose.pods or WrittenSelector()
    if purpose.namespaces is None:
        return Selection(pods_of(pods, purpose.namespace))
    spaces = pods_in(purpose.namespaces)
    listed = purpose.pods is None or known.content.kind == "list:set"
    return Selection(spaces if listed else all_of(spaces, selecting(pods, Scope.POD)))


def _unselecting(namespace: str, direction: Direction, cluster: Cluster, *, rejecting: bool) -> Selection:
    """The pods that no policy selects; `rejecting`, a policy that is rejected whole selects nothing (WV-10)."""
    selected = [
        pods_of(policy.written.pods, namespace)
        for policy in _policies(cluster)
        if policy.written is not None and policy.written.namespace == namespace and direction in policy.subjects
        if not rejecting or without_names(policy) is not None
    ]
    return Selection(all_of(pods_of(WrittenSelector(), namespace), negate(any_of(*selected))))


def _loaded(node: NodeState, cluster: Cluster) -> Iterator[tuple[str, IpSet, Purpose]]:
    """The loaded sets that have a purpose, each once."""
    loaded = node.sets or {}
    found: set[str] = set()
    for name, purpose in purposes(cluster):
        known = loaded.get(name)
        if known is not None and name not in found:
            found.add(name)
            yield name, known, purpose


def _ideal(known: IpSet, purpose: Purpose, population: Population, cluster: Cluster) -> IdealSet:
    if purpose.unselected is not None:
        return _unselected(known, purpose.namespace, purpose.unselected, population, cluster)
    if purpose.block is not None:
        return _exceptions(known, purpose.block)
    pods = purpose.pods or WrittenSelector()
    if purpose.namespaces is None:
        chosen = population.of(pods, purpose.namespace)
        asked = f" that {pods.canonical!r} selects" if pods.canonical else ""
        return ideal_pods(known, population, chosen, f"the pods of namespace {purpose.namespace}{asked}")
    meaning = f"the pods of the namespaces that {purpose.namespaces.canonical!r} selects"
    if purpose.pods is None or known.content.kind == "list:set":
        return _listed(known, purpose.namespaces, population, meaning)
    asked = f" that {pods.canonical!r} selects" if pods.canonical else ""
    return ideal_pods(known, population, population.peer(WrittenPeer(pods, purpose.namespaces), ""), meaning + asked)


def _unselected(
    known: IpSet, namespace: str, direction: Direction, population: Population, cluster: Cluster
) -> IdealSet:
    """The pods that no policy selects; a policy that is rejected whole selects nothing, which is documented (WV-10)."""
    meaning = f"the pods of namespace {namespace} that no {direction.value} policy selects"
    everybody = population.of(WrittenSelector(), namespace)
    chosen = accepted = everybody
    for policy in _policies(cluster):
        written = policy.written
        if written is None or direction not in policy.subjects:
            continue
        selected = population.of(written.pods, written.namespace)
        chosen &= ~selected
        if without_names(policy) is not None:
            accepted &= ~selected
    ideal = ideal_pods(known, population, chosen, meaning)
    rejected = ideal.content is not known and ideal_pods(known, population, accepted, meaning).content is known
    return replace(ideal, quirk=NAMED_PORTS.sentence) if rejected else ideal


def _exceptions(known: IpSet, block: WrittenBlock) -> IdealSet:
    members = []
    for text in block.excepts:
        first, last, family = network(text)
        if family == 4:
            members.append(SetMember(text, (AddressPart(first, last),)))
    meaning = f"the exceptions of {block.cidr}"
    return ideal_members(known, SetContent("hash:net", 1, tuple(members)), meaning)


def _listed(known: IpSet, selector: WrittenSelector, population: Population, meaning: str) -> IdealSet:
    """A list of the sets of all pods of the namespaces."""
    lists = tuple(set_name(f"{name}:") for name in population.namespaces(selector))
    same = known.content.kind == "list:set" and sorted(known.content.lists) == sorted(lists)
    content = SetContent("list:set", 1, (), lists)
    return IdealSet(known if same else replace(known, content=content), meaning)
