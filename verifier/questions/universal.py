"""One cluster that stands for all: the pods of a node as they are, and elsewhere a pod of every kind wherever it counts.

Spec: specs/questions/for_all.md (FA-1 to FA-6)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, reduce
from itertools import chain, count
from operator import or_

from verifier.model.addresses import address_text
from verifier.model.assumption import OTHER_PROTOCOLS, RULES_WITHOUT_PORTS, Setting, chosen
from verifier.model.cluster import Cluster, ContainerPort, Guest, Namespace, Pod
from verifier.model.fields import NAMESPACE_NAME, End, Field
from verifier.model.ipset import AddressPart, IpSet, PortPart, SetContent, SetMember
from verifier.model.node import NodeState
from verifier.model.origin import Origin
from verifier.model.policy import Direction, Policy, Tier
from verifier.model.predicate import InRange, Predicate, all_of, any_of
from verifier.model.profile import Deviation, IdealSet, Profile, Selection, reading
from verifier.model.selection import speak_of_every_protocol
from verifier.questions.covering import Covering
from verifier.questions.relevance import Home, Near, Relevance, Spans, held_by
from verifier.questions.variants import unexplained, without_knowledge
from verifier.semantics.bridges import bridged_networks
from verifier.semantics.conditions import Condition, Conditions, UnknownConditionError, only_labels
from verifier.semantics.crowd import Crowd
from verifier.semantics.kinds import Kind, KindFinder, Surroundings
from verifier.semantics.line import cells
from verifier.semantics.space import node_facts

MOST = 20000
"""So many kinds of pods are told apart."""
ELSEWHERE = "elsewhere"
SELECTED_PERHAPS = "policies that speak of every protocol may select a pod elsewhere, or none"
IMAGINED = Origin("(imagined)")


@dataclass(frozen=True, slots=True)
class Universe:
    """A node in the cluster that stands for all: `selections` are the sets bound to what they select, `unexplained` those
    that cannot be.

    `kinds` of pods are told apart by `conditions`; `presumed` says what none of them is (FA-5).
    """

    cluster: Cluster
    node: NodeState
    kinds: int
    selections: Mapping[str, Selection]
    unexplained: tuple[str, ...]
    conditions: int
    presumed: tuple[str, ...] = ()


class Universes:
    """What is known of a node whoever is elsewhere; TooManyKindsError, UnknownConditionError where that cannot be told.

    `selections` are the sets that stand for pods, `bare` is the node with all others holding what they stand for;
    `ideal` is what each set stands for today; `unwritten` says by family for which pods there are no rules yet.
    """

    def __init__(self, cluster: Cluster, node: NodeState, profile: Profile, deviations: Sequence[Deviation]) -> None:
        self._cluster = cluster
        self._node = node
        self._profile = profile
        self._deviations = deviations
        known = profile.selections(node, cluster)
        self.selections = {name: each for name, each in known.items() if each is not None}
        self.ideal = profile.ideal_sets(node, cluster)
        ideal = {name: each for name, each in self.ideal.items() if name in known}
        self._unexplained = unexplained(node, profile, ideal)
        self.bare = with_blocks(without_knowledge(node, self._unexplained), ideal, self.selections)
        self._conditions = Conditions(_declared(cluster))
        self._near_pods = tuple(pod for pod in cluster.pods if pod.node == node.name)
        self._families = [
            family
            for family in node.rulesets
            if any(pod.has_traffic and family in pod.addresses for pod in self._near_pods)
        ]
        self.unwritten = {family: profile.unwritten(node, cluster, family) for family in self._families}

    def check(self, settings: Mapping[str, Setting]) -> None:
        """UnknownConditionError where what an assumption asks depends on who is elsewhere (AS-18)."""
        settled = [name for name in (OTHER_PROTOCOLS, RULES_WITHOUT_PORTS) if chosen(settings, name) is not Setting.ANY]
        if settled and self._every_protocol_perhaps:
            raise UnknownConditionError(f"{SELECTED_PERHAPS}, and {' and '.join(settled)} means something else then")

    @cached_property
    def _every_protocol_perhaps(self) -> bool:
        """Whether it depends on who is elsewhere that policies which speak of every protocol select a pod."""
        here = replace(self._cluster, pods=self._near_pods)
        subjects = _of_every_protocol(self._cluster)
        return not speak_of_every_protocol(here) and any(map(self._selects_somebody, subjects))

    def universe(self, *, far: bool) -> Universe:
        """The node in every cluster; without `far` no policy selects the other end, so that more must be accepted (FA-4)."""
        found = {family: self._relevant(family, far=far) for family in self._families}
        asked = dict.fromkeys(
            each for ends in found.values() for counting, _ in ends for each in sorted(counting, key=str)
        )
        barred = {
            family: [held_by(each, self._conditions)[0] for each in unwritten.values()]
            for family, unwritten in self.unwritten.items()
        }
        crowd = self._crowd([*(each for conditions in barred.values() for each in conditions), *asked])
        base = self._base(far=far)
        guests: list[Guest] = []
        placed: dict[tuple[int, int], list[Pod]] = {}
        spaces = dict(base.namespaces)
        for family, ends in found.items():
            left_out = reduce(or_, map(crowd.mask, barred[family]), 0)
            covering = Covering(family, crowd, crowd.all & ~left_out, self._taken(family))
            for counting, spans in ends:
                covering.add(counting, spans)
            handles = self._handles(spans for _, each in ends for spans in each)
            for kind, address in covering.placed:
                guest = _guest(family, next(handles), address, len(guests) + 1, crowd.kinds[kind], spaces)
                guests.append(guest)
                placed.setdefault((family, kind), []).append(guest.pod)
        made = replace(base, namespaces=spaces, anywhere=tuple(guests))

        def elsewhere(family: int, selection: Selection) -> Iterator[Pod]:
            for kind in cells(crowd.mask(self._conditions.of(selection.pods))):
                yield from placed.get((family, kind), ())

        node = bound(made, self.bare, self.selections, elsewhere)
        return Universe(made, node, len(guests), self.selections, self._unexplained, len(asked), self._presumed_texts())

    def _presumed_texts(self) -> tuple[str, ...]:
        """What no pod elsewhere is; of some families only, where it is so."""
        found: dict[str, list[str]] = {}
        for family, unwritten in self.unwritten.items():
            for each in unwritten:
                found.setdefault(each, []).append(f"IPv{family}")
        every = len(self._families)
        return tuple(
            each if len(families) == every else f"{each}, with {' and '.join(families)}"
            for each, families in found.items()
        )

    def _relevant(self, family: int, *, far: bool) -> list[tuple[frozenset[Condition], frozenset[Spans]]]:
        """What counts for each pod of the node at each end of its packets."""
        cluster, node = self._cluster, self._node
        homes = [
            Home(pod, pod.addresses[family], self._profile.pod_interface(node, pod) or None)
            for pod in self._near_pods
            if pod.has_traffic and family in pod.addresses
        ]
        near = Near(family, homes, cluster, self.bare.sets or {}, self.selections)
        near.facts = node_facts(family, cluster, node)
        found: dict[tuple[frozenset[Condition], frozenset[Spans]], None] = {}
        for end in End:
            relevance = Relevance(end, near, self._conditions, self.selections, self.bare.sets or {})
            relevance.add_spans(near.all, [bridged_networks(family, node, self._profile.bridge(node))])
            for tiers in _read_tiers(cluster, self._deviations):
                relevance.add_policies(tiers)
                if far:
                    relevance.add_far_policies(tiers)
            for deviation in self._deviations:
                relevance.add_spans(near.all, relevance.addresses(deviation.where))
            relevance.add_rules(node.rulesets[family])
            found.update(dict.fromkeys(relevance.of(place) for place in range(len(homes))))
        return list(found)

    def _crowd(self, conditions: Sequence[Condition]) -> Crowd:
        spaces = {
            pod.namespace: self._cluster.namespace_labels(pod.namespace) for pod in self._near_pods if pod.has_traffic
        }
        finder = KindFinder(self._conditions, Surroundings(spaces, self._conditions.declared, MOST))
        return Crowd(finder.find(conditions), self._conditions)

    def _base(self, *, far: bool) -> Cluster:
        """The cluster without what is elsewhere."""
        cluster = self._cluster
        kept = {pod.namespace for pod in self._near_pods} | {each.namespace for each in cluster.network_sets}
        return replace(
            cluster,
            pods=self._near_pods,
            every_protocol=self._every_protocol_perhaps,
            namespaces={name: each for name, each in cluster.namespaces.items() if name in kept},
            tiers=cluster.tiers if far else _for_near_pods(cluster.tiers, self._near_pods),
        )

    def _selects_somebody(self, subject: Predicate) -> bool:
        """Whether there can be a pod that a policy selects."""
        if not only_labels(subject):
            return True
        condition = self._conditions.of(subject)
        return self._crowd([condition]).mask(condition) != 0

    def _taken(self, family: int) -> set[int]:
        """Addresses that no pod elsewhere has (FA-2)."""
        cluster, own = self._cluster, self._node.addresses or ()
        taken = {pod.addresses[family] for pod in self._near_pods if family in pod.addresses}
        taken |= {a for node in cluster.nodes.values() for fam, a in node.addresses if fam == family}
        taken |= {each.address for each in own if each.family == family}
        return taken | {a for s in cluster.services for fam, a in (*s.addresses, *s.external) if fam == family}

    def _handles(self, spans: Iterable[Spans]) -> Iterator[int]:
        """Numbers of addresses of which nothing speaks alone."""
        taken = {first for each in spans for first, last in each if first == last}
        for known in (self.bare.sets or {}).values():
            for member in known.content.members:
                taken.update(part.first for part in member.parts if isinstance(part, AddressPart))
        return (number for number in count(1) if number not in taken)


def _declared(cluster: Cluster) -> dict[str, frozenset[tuple[int, int]]]:
    """What each name of a port stands for in some pod (FA-5)."""
    found: dict[str, set[tuple[int, int]]] = {}
    for pod in cluster.pods:
        for port in pod.ports:
            if port.name:
                found.setdefault(port.name, set()).add((port.protocol, port.number))
    return {name: frozenset(each) for name, each in found.items()}


def _of_every_protocol(cluster: Cluster) -> Iterator[Predicate]:
    """Whom policies select that speak of every protocol (AS-18)."""
    for policy in (policy for tier in cluster.tiers for policy in tier.policies):
        if policy.every_protocol:
            yield from policy.subjects.values()


def _read_tiers(cluster: Cluster, deviations: Sequence[Deviation]) -> Iterator[tuple[Tier, ...]]:
    """The policies, and as deviations read them: all together, and without each."""
    yield cluster.tiers
    rewriting = [each for each in deviations if each.rewritten is not None]
    for left_out in (None, *rewriting) if rewriting else ():
        read = reading(cluster, [each for each in rewriting if each is not left_out])
        if read is not cluster:
            yield read.tiers


def _for_near_pods(tiers: Sequence[Tier], pods: Sequence[Pod]) -> tuple[Tier, ...]:
    """The policies as if they selected no pod elsewhere."""
    addresses: dict[int, list[tuple[int, int]]] = {}
    for pod in pods:
        for family, address in pod.addresses.items():
            addresses.setdefault(family, []).append((address, address))

    def narrowed(policy: Policy) -> Policy:
        subjects = {}
        for direction, subject in policy.subjects.items():
            field = Field.DESTINATION if direction is Direction.INGRESS else Field.SOURCE
            here = any_of(*(InRange(field, tuple(sorted(each)), family) for family, each in addresses.items()))
            subjects[direction] = all_of(subject, here)
        return replace(policy, subjects=subjects)

    return tuple(replace(tier, policies=tuple(narrowed(policy) for policy in tier.policies)) for tier in tiers)


def _guest(family: int, handle: int, address: int, number: int, kind: Kind, spaces: dict[str, Namespace]) -> Guest:
    """A pod of a kind, in a namespace of its own unless that is one of a pod of the node."""
    name = kind.space[NAMESPACE_NAME]
    if name not in spaces or spaces[name].labels is not kind.space:
        name = f"{ELSEWHERE}-{number}"
        spaces[name] = Namespace(name, kind.space, IMAGINED)
    ports = tuple(ContainerPort(port, *declared) for port, declared in kind.ports.items())
    pod = Pod(name, f"pod-{number}", kind.labels, {family: handle}, "", False, "Running", ports, IMAGINED, kind.account)
    return Guest(pod, {family: (handle, address)})


def with_blocks(node: NodeState, ideal: Mapping[str, IdealSet], selections: Mapping[str, Selection]) -> NodeState:
    """The node with each set that stands for blocks holding these."""
    sets = dict(node.sets or {})
    for name, each in ideal.items():
        if name not in selections and not each.quirk:
            sets[name] = each.content
    return replace(node, sets=sets)


def _nobody(_family: int, _selection: Selection) -> Iterable[Pod]:
    return ()


def bound(
    cluster: Cluster,
    node: NodeState,
    selections: Mapping[str, Selection],
    elsewhere: Callable[[int, Selection], Iterable[Pod]] = _nobody,
) -> NodeState:
    """The node with each set that stands for pods holding those of a cluster that it stands for, and of those elsewhere (FA-6)."""
    sets = dict(node.sets or {})
    pods = [pod for pod in cluster.pods if pod.has_traffic]
    for family in node.rulesets:
        here = [pod for pod in pods if family in pod.addresses]
        near = Near(family, [Home(pod, pod.addresses[family], None) for pod in here], cluster, {}, {})
        held: dict[Selection, SetContent] = {}
        for name, selection in selections.items():
            known = sets[name]
            if known.family not in (0, family):
                continue
            if selection not in held:
                chosen, _ = near.passing(selection.pods, End.SOURCE)
                among = [here[place] for place in cells(chosen)]
                held[selection] = content(family, selection, chain(among, elsewhere(family, selection)))
            sets[name] = IpSet(known.name, family, held[selection], known.origin, known.options)
    return replace(node, sets=sets)


def content(family: int, selection: Selection, pods: Iterable[Pod]) -> SetContent:
    """What a set holds of pods that its selector selects."""
    members: list[SetMember] = []
    for pod in pods:
        address = pod.addresses[family]
        declared = [port for port in pod.ports if _fits(port, selection)] if selection.ports else []
        if selection.entries:
            for port in declared:
                parts = (AddressPart(address, address), PortPart(port.protocol, port.number, port.number))
                members.append(SetMember(f"{address_text(family, address)},{port.protocol}:{port.number}", parts))
        elif declared or not selection.ports:
            members.append(_member(family, address))
    for first, last in selection.networks:
        text = f"{address_text(family, first)}-{address_text(family, last)}"
        members.append(SetMember(text, (AddressPart(first, last),)))
    kind, dimensions = ("hash:ip,port", 2) if selection.entries else ("hash:net", 1)
    return SetContent(kind, dimensions, tuple(members))


@cache
def _member(family: int, address: int) -> SetMember:
    return SetMember(address_text(family, address), (AddressPart(address, address),))


def _fits(port: ContainerPort, selection: Selection) -> bool:
    return any(
        protocol in (None, port.protocol) and name == port.name and number in (None, port.number)
        for protocol, name, number in selection.ports
    )
