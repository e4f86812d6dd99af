"""What in a Calico dump shows that policies changed after Felix compiled them.

Spec: specs/questions/cause.md (WHY-7), specs/compilers/calico.md
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from verifier.compilers.ages import full_name, possible, weighed, younger_policies
from verifier.compilers.calico_hash import LONGEST_CHAIN, interface_suffix, limited, policy_identities
from verifier.compilers.calico_names import explain_chain
from verifier.compilers.calico_sets import (
    LONGEST,
    ORCHESTRATOR,
    asked_sets,
    computed_set,
    conjunction,
    every_policy,
    names_of,
    peer_selector,
    purposes,
    unique_id,
)
from verifier.compilers.hooks import conjuncts, entered
from verifier.compilers.selection import Population, written_policies
from verifier.model.cluster import Cluster
from verifier.model.fields import Field
from verifier.model.node import NodeState
from verifier.model.policy import Direction
from verifier.model.predicate import InRange, Predicate, sets_of
from verifier.model.profile import Sign
from verifier.model.ruleset import Chain, Rule
from verifier.model.written import WrittenPeer, WrittenPolicy, WrittenRule, WrittenSelector

ENDPOINTS, GROUPS, SUFFIX = ("cali-tw-", "cali-fw-"), ("cali-gi-", "cali-go-"), 11
PREFIXES = {Direction.INGRESS: "cali-pi-", Direction.EGRESS: "cali-po-"}
SINCE_TYPES = 3
"""Before the spellings of 3.0 every policy applied in both directions (2.1 to 2.5), or cannot be told from those."""
KIND, OWN_KINDS = "NetworkPolicy ", ("Calico ", "ClusterNetworkPolicy ")


def signs(node: NodeState, cluster: Cluster) -> tuple[Sign, ...]:
    """Everything that shows so."""
    found = list(younger_policies(node, cluster))
    for family in sorted(node.rulesets):
        found += _Family(node, cluster, family).signs()
    return tuple(found)


class _Family:
    """What a cluster and one family of a node's dump have to be compared."""

    def __init__(self, node: NodeState, cluster: Cluster, family: int) -> None:
        self._node, self._cluster, self._family = node, cluster, family
        every = [policy for tier in cluster.tiers for policy in tier.policies]
        self._present = {policy.name: policy for policy in every if policy.written is not None}
        self._read = {f"{policy.kind} {policy.name}" for policy in every}
        self._population = Population(cluster, family)
        placed = (place for place, pod in enumerate(self._population.pods) if pod.node == node.name)
        self._local = sum(1 << place for place in placed)
        self._sets = frozenset(_names(family, cluster, self._population))
        ruleset = node.rulesets[family]
        self._chains = {name: chain for (table, name), chain in ruleset.chains.items() if table == "filter"}
        self._callers = _callers(self._chains)

    def signs(self) -> Iterator[Sign]:
        for policy in written_policies(self._cluster):
            for direction in Direction:
                yield from self._of(policy, direction)
        yield from self._strangers()

    def _of(self, policy: WrittenPolicy, direction: Direction) -> Iterator[Sign]:
        """One direction of a policy: certain where nothing of it is there, else what the compiler may have mistaken."""
        title = full_name(policy)
        counts = direction in self._present[title].subjects
        names = _chain_names(policy, direction)
        chains = [self._chains[name] for name in names if name in self._chains]
        selected = self._population.of(policy.pods, policy.namespace) & self._local
        if counts and selected and not chains:
            yield Sign(title, f"nothing of the {direction.value} of policy {title} is in the dump")
        soft: list[Sign] = []
        spelled = names if counts else _chain_names(policy, direction, SINCE_TYPES)
        soft += self._other_pods(title, direction, spelled, selected if counts else 0)
        if counts:
            compared = _Compared(policy, direction, self._sets, self._family)
            for chain in chains:
                soft += [*compared.sets(chain), *compared.ports(chain)]
        yield from (weighed(sign, policy) for sign in soft if possible(sign, policy))

    def _other_pods(self, title: str, direction: Direction, names: frozenset[str], selected: int) -> Iterator[Sign]:
        """Pods' chains enter the policy's that it does not select now, or the other way round."""
        pods = {interface_suffix(pod.namespace, pod.name) for pod, _ in self._population.listed(selected)}
        loaded = {suffix: rules for name in names for suffix, rules in self._callers.get(name, {}).items()}
        if loaded and set(loaded) != pods:
            rules = tuple(rule for suffix in set(loaded) - pods for rule in loaded[suffix])
            sentence = f"the dump applies the {direction.value} of policy {title} to other pods than it selects now"
            yield Sign(title, sentence, rules, certain=False)

    def _strangers(self) -> Iterator[Sign]:
        """Chains of policies that the cluster does not have, or that are no NetworkPolicies."""
        mine = {
            name
            for policy in written_policies(self._cluster)
            for direction in Direction
            for name in _chain_names(policy, direction)
        }
        for name, chain in self._chains.items():
            if not name.startswith(tuple(PREFIXES.values())) or name in mine:
                continue
            phrase, _, direction = explain_chain(self._node, name).rpartition(", ")
            if phrase.startswith(OWN_KINDS) and phrase not in self._read:
                sentence = f"{name} is the {direction} of {phrase}, which is no NetworkPolicy"
                yield Sign("", sentence, chain.rules, unread=True)
            elif phrase.startswith(KIND):
                policy = phrase.removeprefix(KIND)
                callers = tuple(rule for rules in self._callers.get(name, {}).values() for rule in rules)
                if policy not in self._present and callers:
                    sentence = f"{name} is the {direction} of policy {policy}, which the cluster does not have"
                    yield Sign(policy, sentence, (*chain.rules, *callers))


def _names(family: int, cluster: Cluster, population: Population) -> Iterator[str]:
    """The names of all sets that the cluster's policies have."""
    for identity, _ in purposes(cluster, population):
        yield from names_of(identity, family)
    for identity, _, _ in asked_sets(every_policy(cluster)):
        yield from names_of(identity, family)


def _chain_names(policy: WrittenPolicy, direction: Direction, since: int = 0) -> frozenset[str]:
    """The names of the policy's chain, in all releases or in those whose spelling is `since` that place or later."""
    identities = policy_identities(policy.namespace, policy.name)[since:]
    return frozenset(limited(PREFIXES[direction], identity, LONGEST_CHAIN) for identity in identities)


Callers = Mapping[str, Mapping[str, tuple[Rule, ...]]]
"""By chain of a policy: the ends of the pods' chains that enter it, themselves or by a group, with their rules."""


def _callers(chains: Mapping[str, Chain]) -> Callers:
    found: dict[str, dict[str, tuple[Rule, ...]]] = {}
    for name, chain in chains.items():
        if not name.startswith(ENDPOINTS):
            continue
        for rule in chain.rules:
            target = entered(rule.effect)
            if target.startswith(GROUPS) and target in chains:
                for inner in chains[target].rules:
                    found.setdefault(entered(inner.effect), {}).setdefault(name[-SUFFIX:], (rule, inner))
            elif target:
                found.setdefault(target, {}).setdefault(name[-SUFFIX:], (rule,))
    return found


@dataclass(frozen=True, slots=True)
class _Compared:
    """One direction of a policy of the cluster; `known` are the names of all sets that present policies have."""

    policy: WrittenPolicy
    direction: Direction
    known: frozenset[str]
    family: int

    @property
    def _written(self) -> tuple[WrittenRule, ...]:
        return self.policy.ingress if self.direction is Direction.INGRESS else self.policy.egress

    def sets(self, chain: Chain) -> Iterator[Sign]:
        """Sets that its chain asks and that stand for no selector of any present policy; names are cut to their length."""
        title, told = full_name(self.policy), set()
        for rule in chain.rules:
            for name in sets_of(rule.match):
                if name in told or name in self.known or len(name) != LONGEST or not computed_set(name):
                    continue
                told.add(name)
                if name not in self._mistakes():
                    sentence = f"policy {title} asked for set {name} when it was compiled, which no selector has now"
                    yield Sign(title, sentence, (rule,))

    def _mistakes(self) -> set[str]:
        """Sets of selectors that a compiler's mistake could make of those that the policy has now."""
        found = set()
        for rule in self._written:
            for peer in rule.peers:
                if peer.block is None:
                    for selector in _mistaken(peer, self.policy.namespace):
                        for token in "0-":
                            found.add(f"cali{self.family}{token}{unique_id('s', selector)}"[:LONGEST])
        return found

    def ports(self, chain: Chain) -> Iterator[Sign]:
        """Ports that its chain opens and that no rule of the direction has."""
        title = full_name(self.policy)
        written = {
            (port.protocol.lower(), port.port, port.end or port.port)
            for rule in self._written
            for port in rule.ports
            if not isinstance(port.port, str)
        }
        for rule in chain.rules:
            for protocol, first, last in _opened(conjuncts(rule.match)):
                if not any(p == protocol and _covers(low, high, first, last) for p, low, high in written):
                    shown = f"{first}" if first == last else f"{first}-{last}"
                    sentence = f"the chain of policy {title} opens {protocol} {shown}, which no rule of it has"
                    yield Sign(title, sentence, (rule,), certain=False)


def _covers(low: int | str | None, high: int | str | None, first: int, last: int) -> bool:
    """Whether a range that was merged of several ports can hold this one."""
    if not isinstance(low, int) or not isinstance(high, int):
        return True
    return first <= low and high <= last


def _opened(parts: tuple[Predicate, ...]) -> Iterator[tuple[str, int, int]]:
    called = {6: "tcp", 17: "udp", 132: "sctp"}
    protocols = [p.ranges[0][0] for p in parts if isinstance(p, InRange) and p.field is Field.PROTOCOL and p.ranges]
    for part in parts:
        if isinstance(part, InRange) and part.field is Field.DESTINATION_PORT and protocols:
            for first, last in part.ranges:
                yield called.get(protocols[0], ""), first, last


def _mistaken(peer: WrittenPeer, home: str) -> Iterator[str]:
    """Selectors without the namespace, in the wrong namespace, or without the pods' labels."""
    yield conjunction([ORCHESTRATOR])
    yield "all()"
    yield peer_selector(WrittenPeer(peer.pods, WrittenSelector()), home)
    yield peer_selector(WrittenPeer(peer.pods), home)
    yield peer_selector(WrittenPeer(None, peer.namespaces), home)
