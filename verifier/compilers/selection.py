"""Which pods a selector, a peer or a named port stands for, as compilers put them into sets.

Spec: specs/policies/network_policy.md (NP-19 to NP-29, NP-48)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from verifier.model.addresses import merge
from verifier.model.cluster import Cluster, NetworkSet, Pod
from verifier.model.fields import NAMESPACE_NAME, SCTP, TCP, UDP, End, Label, Scope
from verifier.model.ipset import AddressPart, SetContent
from verifier.model.predicate import (
    FALSE,
    TRUE,
    All,
    AnyOf,
    LabelIn,
    LabelText,
    Not,
    Predicate,
    Range,
    all_of,
    negate,
)
from verifier.model.written import Requirement, WrittenPeer, WrittenPolicy, WrittenSelector

PROTOCOLS = {"TCP": TCP, "UDP": UDP, "SCTP": SCTP}


def written_policies(cluster: Cluster) -> Iterator[WrittenPolicy]:
    """Every policy of the cluster that names are computed from."""
    for tier in cluster.tiers:
        for policy in tier.policies:
            if policy.written is not None:
                yield policy.written


def selecting(selector: WrittenSelector, scope: Scope) -> Predicate:
    """What a selector asks of the labels of a source, or of its namespace's."""
    labels = [LabelIn(Label(End.SOURCE, scope, key), frozenset([value])) for key, value in selector.labels]
    return all_of(*labels, *(_asking(each, scope) for each in selector.expressions))


def _asking(each: Requirement, scope: Scope) -> Predicate:
    label = Label(End.SOURCE, scope, each.key)
    if each.operator in ("Exists", "DoesNotExist"):
        return negate(LabelIn(label, None), each.operator == "DoesNotExist")
    return negate(LabelIn(label, frozenset(each.values)), each.operator == "NotIn")


def pods_of(selector: WrittenSelector, namespace: str) -> Predicate:
    """The pods of a namespace that a selector selects, whichever these are."""
    name = Label(End.SOURCE, Scope.NAMESPACE, NAMESPACE_NAME)
    return all_of(LabelIn(name, frozenset([namespace])), selecting(selector, Scope.POD))


def pods_in(selector: WrittenSelector) -> Predicate:
    """The pods of the namespaces that a selector selects, whichever these are."""
    is_pod = LabelIn(Label(End.SOURCE, Scope.NAMESPACE, NAMESPACE_NAME), None)
    return all_of(is_pod, selecting(selector, Scope.NAMESPACE))


def pods_behind(peer: WrittenPeer, home: str) -> Predicate:
    """The pods of a peer of a policy in namespace `home`, whichever these are; none for a block."""
    if peer.block is not None:
        return FALSE
    spaces = pods_of(WrittenSelector(), home) if peer.namespaces is None else pods_in(peer.namespaces)
    return all_of(spaces, TRUE if peer.pods is None else selecting(peer.pods, Scope.POD))


def satisfies(part: Predicate, value: Callable[[Label], str | None]) -> bool:
    """Whether a test of labels holds of one thing; ValueError where it asks for anything else."""
    match part:
        case LabelIn(label, values):
            found = value(label)
            return found is not None and (values is None or found in values)
        case LabelText(label, test, text):
            found = value(label)
            return found is not None and test.holds(found, text)
        case All(parts):
            return all(satisfies(each, value) for each in parts)
        case AnyOf(parts):
            return any(satisfies(each, value) for each in parts)
        case Not(inner):
            return not satisfies(inner, value)
        case _:
            raise ValueError(f"a test of labels asks for {type(part).__name__}")


def networks_of(part: Predicate, cluster: Cluster) -> dict[int, tuple[Range, ...]]:
    """The networks of all network sets of which a test of labels holds, by family."""
    held: dict[int, list[Range]] = {}
    for each in cluster.network_sets:
        if satisfies(part, partial(_of_set, each, cluster)):
            for family, ranges in each.networks.items():
                held.setdefault(family, []).extend(ranges)
    return {family: merge(ranges) for family, ranges in held.items()}


def _of_set(thing: NetworkSet, cluster: Cluster, label: Label) -> str | None:
    """The value of a label of a network set: its own, or its namespace's where it has one."""
    if label.scope is Scope.POD:
        return thing.labels.get(label.key)
    if label.scope is Scope.NAMESPACE and thing.namespace:
        return cluster.namespace_labels(thing.namespace).get(label.key)
    return None


class Labels:
    """Labelled things as bits of an integer, found by label."""

    def __init__(self, labels: list[Mapping[str, str]]) -> None:
        self.all = (1 << len(labels)) - 1
        self._values: dict[tuple[str, str], int] = {}
        self._keys: dict[str, int] = {}
        for place, each in enumerate(labels):
            bit = 1 << place
            for key, value in each.items():
                self._values[key, value] = self._values.get((key, value), 0) | bit
                self._keys[key] = self._keys.get(key, 0) | bit
        self._selected: dict[WrittenSelector, int] = {}

    def selected(self, selector: WrittenSelector) -> int:
        """Those that a selector selects."""
        known = self._selected.get(selector)
        if known is None:
            known = self.all
            for key, value in selector.labels:
                known &= self._values.get((key, value), 0)
            for requirement in selector.expressions:
                known &= self._fulfilling(requirement)
            self._selected[selector] = known
        return known

    def _fulfilling(self, requirement: Requirement) -> int:
        having = self._keys.get(requirement.key, 0)
        if requirement.operator in ("Exists", "DoesNotExist"):
            return having if requirement.operator == "Exists" else self.all & ~having
        fitting = 0
        for value in requirement.values:
            fitting |= self._values.get((requirement.key, value), 0)
        return fitting if requirement.operator == "In" else self.all & ~fitting


class Population:
    """The pods of one family that policies can see, as bits of an integer; a set of pods is one integer."""

    def __init__(self, cluster: Cluster, family: int) -> None:
        self.family = family
        self._cluster = cluster
        self.pods = tuple(pod for pod in cluster.pods if pod.has_traffic and family in pod.addresses)
        self.addresses = tuple(pod.addresses[family] for pod in self.pods)
        self.labels = Labels([pod.labels for pod in self.pods])
        self._spaces = tuple(cluster.namespaces.values())
        self._space_labels = Labels([space.labels for space in self._spaces])
        self._by_space: dict[str, int] = {}
        self._bits: dict[int, int] = {}
        self._named: dict[tuple[int, str, int], int] = {}
        for place, pod in enumerate(self.pods):
            self._by_space[pod.namespace] = self._by_space.get(pod.namespace, 0) | 1 << place
            self._bits[self.addresses[place]] = self._bits.get(self.addresses[place], 0) | 1 << place
            for port in pod.ports:
                key = port.protocol, port.name, port.number
                self._named[key] = self._named.get(key, 0) | 1 << place

    def of(self, selector: WrittenSelector, namespace: str) -> int:
        """The pods of a namespace that a selector selects."""
        return self.labels.selected(selector) & self._by_space.get(namespace, 0)

    def namespaces(self, selector: WrittenSelector) -> Iterator[str]:
        """The names of the namespaces that a selector selects."""
        chosen = self._space_labels.selected(selector)
        for place, space in enumerate(self._spaces):
            if chosen >> place & 1:
                yield space.name

    def in_namespaces(self, selector: WrittenSelector) -> int:
        """The pods of all namespaces that a selector selects."""
        pods = 0
        for name in self.namespaces(selector):
            pods |= self._by_space.get(name, 0)
        return pods

    def peer(self, peer: WrittenPeer, home: str) -> int:
        """The pods of a peer of a policy in namespace `home`; none for a block."""
        if peer.block is not None:
            return 0
        spaces = self._by_space.get(home, 0) if peer.namespaces is None else self.in_namespaces(peer.namespaces)
        return spaces if peer.pods is None else spaces & self.labels.selected(peer.pods)

    def satisfying(self, part: Predicate) -> int:
        """The pods of which a test of the labels of a source holds."""
        chosen = (satisfies(part, partial(self._cluster.label, pod)) for pod in self.pods)
        return sum(1 << place for place, holds in enumerate(chosen) if holds)

    def named(self, protocol: str, name: str, number: int) -> int:
        """The pods that declare a port of this name with this number."""
        return self._named.get((PROTOCOLS[protocol], name, number), 0)

    def numbers(self, protocol: str, name: str, among: int) -> tuple[int, ...]:
        """The numbers that a name of a port stands for among some pods, in ascending order."""
        wanted = PROTOCOLS[protocol], name
        return tuple(sorted(key[2] for key, pods in self._named.items() if key[:2] == wanted and pods & among))

    def listed(self, pods: int) -> Iterator[tuple[Pod, int]]:
        """The pods of a set with their addresses."""
        while pods:
            place = (pods & -pods).bit_length() - 1
            yield self.pods[place], self.addresses[place]
            pods &= pods - 1

    def held(self, content: SetContent) -> int | None:
        """The pods whose addresses a set of single addresses holds; None where it holds anything else."""
        pods, bits = 0, self._bits
        for member in content.members:
            part = member.parts[0]
            if len(member.parts) != 1 or type(part) is not AddressPart or part.first != part.last or member.nomatch:
                return None
            found = bits.get(part.first)
            if found is None:
                return None
            pods |= found
        return pods
