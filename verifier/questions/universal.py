"""One cluster that stands for all: the pods of a node as they are, and elsewhere one pod of every kind, at every address.

Spec: specs/questions/for_all.md (FA-1 to FA-7)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from verifier.model.addresses import address_text
from verifier.model.cluster import Cluster, ContainerPort, Namespace, Pod
from verifier.model.fields import NAMESPACE_NAME, End
from verifier.model.ipset import AddressPart, IpSet, PortPart, SetContent, SetMember
from verifier.model.node import NodeState
from verifier.model.origin import Origin
from verifier.model.policy import Tier
from verifier.model.predicate import Predicate, Range
from verifier.model.profile import Deviation, IdealSet, Profile, Selection, reading
from verifier.questions.relevance import Home, Near, Relevance, held_by
from verifier.questions.variants import unexplained, without_knowledge
from verifier.semantics.cuts import Cuts
from verifier.semantics.kinds import Condition, Conditions, Kind, KindFinder, Surroundings

MOST = 1600
"""So many kinds of pods are told apart at once; where there are more, those that count for one pod after the other."""
FIRST_HANDLE = 1
ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class Universe:
    """A node in the cluster that stands for all: `sets` are those bound to what they select, `unexplained` those that cannot be.

    `kinds` are the pods elsewhere, in the order of `cluster.anywhere`; `presumed` says what none of them is (FA-5).
    """

    cluster: Cluster
    node: NodeState
    kinds: tuple[Kind, ...]
    selections: Mapping[str, Selection]
    unexplained: tuple[str, ...]
    conditions: int
    presumed: tuple[str, ...] = ()


def universe(cluster: Cluster, node: NodeState, profile: Profile, deviations: Sequence[Deviation]) -> Universe:
    """The node as it is in every cluster with its policies and its pods; TooManyKindsError, UnknownConditionError."""
    ideal, selections = profile.ideal_sets(node, cluster), profile.selections(node, cluster)
    unknown = unexplained(node, profile, ideal)
    near = _near_pods(cluster, node)
    declared = _declared(cluster)
    conditions = Conditions(declared)
    unwritten = profile.unwritten(node, cluster)
    barred = [held_by(each, conditions)[0] for each in unwritten.values()]
    asked = _asked(cluster, node, profile, deviations, selections, near, conditions)
    spaces = {pod.namespace: cluster.namespace_labels(pod.namespace) for pod in near if pod.has_traffic}
    found = KindFinder(conditions, Surroundings(spaces, declared, MOST)).find([*barred, *asked])
    kinds = tuple(kind for answers, kind in found.items() if not any(answers[: len(barred)]))
    kept = spaces.keys() | {each.namespace for each in cluster.network_sets}
    base = replace(
        cluster,
        pods=tuple(near),
        namespaces={name: each for name, each in cluster.namespaces.items() if name in kept},
    )
    made = _imagined(base, kinds, node)
    return Universe(
        made,
        bound(made, without_knowledge(node, unknown), ideal, selections),
        kinds,
        selections,
        unknown,
        len(asked),
        tuple(unwritten),
    )


def _near_pods(cluster: Cluster, node: NodeState) -> list[Pod]:
    return [pod for pod in cluster.pods if pod.node == node.name]


def _declared(cluster: Cluster) -> dict[str, frozenset[tuple[int, int]]]:
    """What each name of a port stands for in some pod (FA-5)."""
    found: dict[str, set[tuple[int, int]]] = {}
    for pod in cluster.pods:
        for port in pod.ports:
            if port.name:
                found.setdefault(port.name, set()).add((port.protocol, port.number))
    return {name: frozenset(each) for name, each in found.items()}


def _asked(
    cluster: Cluster,
    node: NodeState,
    profile: Profile,
    deviations: Sequence[Deviation],
    selections: Mapping[str, Selection],
    pods: Sequence[Pod],
    conditions: Conditions,
) -> list[Condition]:
    """Every condition that counts for some pod of the node (FA-4)."""
    found: dict[Condition, None] = {}
    for family, ruleset in node.rulesets.items():
        homes = [
            Home(pod, pod.addresses[family], profile.pod_interface(node, pod) or None)
            for pod in pods
            if pod.has_traffic and family in pod.addresses
        ]
        near = Near(family, homes, cluster, node.sets or {}, selections)
        relevance = Relevance(homes, near, conditions, selections)
        for tiers in _read_tiers(cluster, deviations):
            relevance.add_policies(tiers)
            relevance.add_far_policies(tiers)
        relevance.add_rules(ruleset)
        for place in range(len(homes)):
            found.update(dict.fromkeys(relevance.of(place)))
    return list(found)


def _read_tiers(cluster: Cluster, deviations: Sequence[Deviation]) -> Iterator[tuple[Tier, ...]]:
    """The policies, and as deviations read them: all together, and without each."""
    yield cluster.tiers
    rewriting = [each for each in deviations if each.rewritten is not None]
    for left_out in (None, *rewriting) if rewriting else ():
        read = reading(cluster, [each for each in rewriting if each is not left_out])
        if read is not cluster:
            yield read.tiers


def _imagined(base: Cluster, kinds: Sequence[Kind], node: NodeState) -> Cluster:
    """The cluster with one pod of each kind, in a namespace of its own unless that is one of a pod of the node."""
    spaces = dict(base.namespaces)
    pods: list[Pod] = []
    handles = {family: _handles(family, base, node) for family in node.rulesets}
    for number, kind in enumerate(kinds, 1):
        name = kind.space[NAMESPACE_NAME]
        if name not in base.namespaces or base.namespaces[name].labels != kind.space:
            name = f"{ELSEWHERE}-{number}"
            spaces[name] = Namespace(name, kind.space, Origin("(imagined)"))
        addresses = {family: next(each) for family, each in handles.items()}
        ports = tuple(ContainerPort(port, *declared) for port, declared in kind.ports.items())
        pods.append(
            Pod(
                name,
                f"kind-{number}",
                kind.labels,
                addresses,
                "",
                False,
                "Running",
                ports,
                Origin("(imagined)"),
                kind.account,
            )
        )
    return replace(base, namespaces=spaces, anywhere=tuple(pods))


def _handles(family: int, cluster: Cluster, node: NodeState) -> Iterator[int]:
    """Numbers of addresses that nothing speaks of alone."""
    cuts = Cuts(family)
    predicates: Iterable[Predicate] = (
        rule.match for ruleset in node.rulesets.values() for chain in ruleset.chains.values() for rule in chain.rules
    )
    for predicate in predicates:
        cuts.visit(predicate)
    for tier in cluster.tiers:
        for policy in tier.policies:
            for rule in policy.rules:
                for peer in (rule.peer, *(each.peer for each in rule.readings)):
                    cuts.visit(peer)
    cuts.visit_sets(node.sets or {})
    taken: set[Range] = cuts.addresses
    number = FIRST_HANDLE
    while True:
        if (number, number) not in taken:
            yield number
        number += 1


def bound(
    cluster: Cluster, node: NodeState, ideal: Mapping[str, IdealSet], selections: Mapping[str, Selection]
) -> NodeState:
    """The node with each set holding what it stands for: the pods that it selects, or the blocks of a policy (FA-6)."""
    sets = dict(node.sets or {})
    for name, each in ideal.items():
        if name not in selections and not each.quirk:
            sets[name] = each.content
    pods = [pod for pod in (*cluster.pods, *cluster.anywhere) if pod.has_traffic]
    for family in node.rulesets:
        here = [pod for pod in pods if family in pod.addresses]
        homes = [Home(pod, pod.addresses[family], None) for pod in here]
        near = Near(family, homes, cluster, {}, {})
        held: dict[Selection, SetContent] = {}
        for name, selection in selections.items():
            known = sets[name]
            if known.family not in (0, family):
                continue
            if selection not in held:
                chosen, _ = near.passing(selection.pods, End.SOURCE)
                among = [pod for place, pod in enumerate(here) if chosen >> place & 1]
                held[selection] = content(family, selection, among)
            sets[name] = IpSet(known.name, family, held[selection], known.origin, known.options)
    return replace(node, sets=sets)


def content(family: int, selection: Selection, pods: Sequence[Pod]) -> SetContent:
    """What a set holds of pods that its selector selects."""
    members: list[SetMember] = []
    for pod in pods:
        address = pod.addresses[family]
        part, text = AddressPart(address, address), address_text(family, address)
        declared = [port for port in pod.ports if _fits(port, selection)]
        if selection.entries:
            members.extend(
                SetMember(
                    f"{text},{port.protocol}:{port.number}", (part, PortPart(port.protocol, port.number, port.number))
                )
                for port in declared
            )
        elif declared or not selection.ports:
            members.append(SetMember(text, (part,)))
    kind, dimensions = ("hash:ip,port", 2) if selection.entries else ("hash:ip", 1)
    return SetContent(kind, dimensions, tuple(members))


def _fits(port: ContainerPort, selection: Selection) -> bool:
    return any(
        protocol in (None, port.protocol) and name == port.name and number in (None, port.number)
        for protocol, name, number in selection.ports
    )
