"""What in an Azure NPM dump shows that policies changed after they were compiled: its comments retell the policies.

Spec: specs/questions/cause.md (WHY-7), specs/compilers/azure.md
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

from verifier.compilers.ages import full_name, possible, weighed, younger_policies
from verifier.compilers.azure_deviations import accepted
from verifier.compilers.azure_names import Permission, Target, permission_of, target_of
from verifier.compilers.azure_sets import ALL_NAMESPACES, block_text, label_text, nested_text
from verifier.compilers.hooks import entered, rules_of
from verifier.compilers.selection import Population, written_policies
from verifier.model.cluster import Cluster
from verifier.model.node import NodeState
from verifier.model.policy import Direction
from verifier.model.profile import Sign
from verifier.model.ruleset import Rule
from verifier.model.written import Requirement, WrittenPeer, WrittenPolicy, WrittenPort, WrittenRule, WrittenSelector

STAGES = ("AZURE-NPM-INGRESS", "AZURE-NPM-EGRESS")


class _UncertainError(Exception):
    """A construct whose comment is not known for sure."""


@dataclass(slots=True)
class Traces:
    """What a dump tells of one policy in one direction: its targets, the jumps that say so, and what its chain allows."""

    targets: set[frozenset[str]] = field(default_factory=set)
    jumps: list[Rule] = field(default_factory=list)
    permissions: set[Permission] = field(default_factory=set)
    rules: list[Rule] = field(default_factory=list)


def jumps(node: NodeState) -> Iterator[tuple[Target, Rule]]:
    """The rules that enter policies' chains, with what their comments say."""
    for rule in rules_of(node, *STAGES):
        for target in filter(None, map(target_of, rule.comments)):
            yield target, rule


def signs(node: NodeState, cluster: Cluster) -> tuple[Sign, ...]:
    """Everything that shows so."""
    traces = _traces(node)
    if not traces:
        return tuple(younger_policies(node, cluster))
    found = list(younger_policies(node, cluster))
    present = {policy.name: policy for tier in cluster.tiers for policy in tier.policies}
    population = Population(cluster, 4)
    local = sum(1 << place for place, pod in enumerate(population.pods) if pod.node == node.name)
    for (name, _), told in traces.items():
        if name not in present:
            sentence = f"{entered(told.jumps[0].effect)} is of policy {name}, which the cluster does not have"
            found.append(Sign(name, sentence, (*told.jumps, *told.rules)))
    for written in written_policies(cluster):
        policy = present[full_name(written)]
        if accepted(policy) is None:
            continue
        for direction in sorted(policy.subjects, key=lambda each: each.value):
            mine = traces.get((policy.name, direction))
            if mine is not None:
                found += _compared(written, direction, mine)
            elif population.of(written.pods, written.namespace) & local:
                found.append(Sign(policy.name, f"nothing of policy {policy.name} for {direction.value} is in the dump"))
        for direction in set(Direction) - set(policy.subjects):
            mine = traces.get((policy.name, direction))
            if mine is not None:
                sentence = f"the dump has {direction.value} of policy {policy.name}, which is not what it isolates"
                found.append(weighed(Sign(policy.name, sentence, tuple(mine.jumps), certain=False), written))
    return tuple(each for each in found if possible(each, next(_written(cluster, each.policy), None)))


def _written(cluster: Cluster, name: str) -> Iterator[WrittenPolicy]:
    return (policy for policy in written_policies(cluster) if full_name(policy) == name)


def _traces(node: NodeState) -> dict[tuple[str, Direction], Traces]:
    found: dict[tuple[str, Direction], Traces] = {}
    for target, jump in jumps(node):
        mine = found.setdefault((target.policy, target.direction), Traces())
        mine.targets.add(target.selectors)
        mine.jumps.append(jump)
        for rule in rules_of(node, entered(jump.effect)):
            for permission in filter(None, map(permission_of, rule.comments)):
                mine.permissions.add(permission)
                mine.rules.append(rule)
    return found


def _compared(policy: WrittenPolicy, direction: Direction, told: Traces) -> Iterator[Sign]:
    """Comments that do not retell the policy as it is now; none where its comments are not known for sure."""
    name = full_name(policy)
    try:
        targets, permissions = {_targets(policy)}, set(_permissions(policy, direction))
    except _UncertainError:
        return
    found = []
    if told.targets != targets:
        sentence = f"the dump has other pods enter the {direction.value} chain of policy {name} than it selects"
        found.append(Sign(name, sentence, tuple(told.jumps), certain=False))
    if told.permissions != permissions:
        sentence = f"the comments in the {direction.value} chain of policy {name} retell other rules than it has"
        found.append(Sign(name, sentence, tuple(told.rules), certain=False))
    yield from (weighed(each, policy) for each in found)


def _targets(policy: WrittenPolicy) -> frozenset[str]:
    """The texts of the sets that tell whom the policy selects."""
    return frozenset((f"ns-{policy.namespace}", *_pod_texts(policy, policy.pods)))


def _permissions(policy: WrittenPolicy, direction: Direction) -> Iterator[Permission]:
    """What the comments of the chain of a policy say (AZ-5); one empty rule stands for all."""
    rules = policy.ingress if direction is Direction.INGRESS else policy.egress
    if WrittenRule() in rules:
        yield Permission(frozenset())
        return
    way = "IN" if direction is Direction.INGRESS else "OUT"
    for place, rule in enumerate(rules):
        peers = [frozenset[str]()]
        if rule.peers:
            peers = [texts for n, peer in enumerate(rule.peers) for texts in _peer_texts(policy, peer, (place, n), way)]
        ports = [_port(port) for port in rule.ports] or [("", "")]
        for texts, (protocol, port) in product(peers, ports):
            yield Permission(texts, protocol, port)


def _port(port: WrittenPort) -> tuple[str, str]:
    if port.port is None:
        return port.protocol, ""
    ranged = port.end is not None and port.end != port.port
    return port.protocol, f"{port.port}:{port.end}" if ranged else str(port.port)


def _peer_texts(policy: WrittenPolicy, peer: WrittenPeer, place: tuple[int, int], way: str) -> Iterator[frozenset[str]]:
    """The alternatives of a peer: each the texts of all the sets that it asks for."""
    if peer.block is not None:
        yield frozenset({block_text(policy, *place, way)})
        return
    pods = _pod_texts(policy, peer.pods or WrittenSelector())
    if peer.namespaces is None:
        yield frozenset((f"ns-{policy.namespace}", *pods))
    elif peer.namespaces == WrittenSelector():
        yield frozenset((ALL_NAMESPACES, *pods))
    else:
        alternatives = [[label_text("nslabel", key, value)] for key, value in peer.namespaces.labels]
        alternatives += [_space_texts(each) for each in peer.namespaces.expressions]
        for chosen in product(*alternatives):
            yield frozenset((*chosen, *pods))


def _pod_texts(policy: WrittenPolicy, selector: WrittenSelector) -> list[str]:
    texts = [label_text("podlabel", key, value) for key, value in selector.labels]
    for each in selector.expressions:
        if len(each.values) > 1:
            if each.operator == "NotIn":
                raise _UncertainError
            texts.append(nested_text(full_name(policy), each))
        else:
            texts += _space_texts(each, "podlabel")
    return texts


def _space_texts(each: Requirement, kind: str = "nslabel") -> list[str]:
    """One text per value: alternatives where there are several."""
    if each.operator == "NotIn" and len(each.values) > 1:
        raise _UncertainError
    negation = "!" if each.operator in ("NotIn", "DoesNotExist") else ""
    values: tuple[str | None, ...] = each.values or (None,)
    return [negation + label_text(kind, each.key, value) for value in values]
