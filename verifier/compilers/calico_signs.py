"""What in a Calico dump shows that policies changed after Felix compiled them.

Spec: specs/questions/cause.md (WHY-7), specs/compilers/calico.md
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from verifier.compilers.ages import full_name, possible, weighed, younger_policies
from verifier.compilers.calico_hash import LONGEST_CHAIN, limited, policy_identities
from verifier.compilers.calico_names import explain_chain
from verifier.compilers.calico_sets import (
    LONGEST,
    ORCHESTRATOR,
    computed_set,
    conjunction,
    peer_selector,
    purposes,
    unique_id,
)
from verifier.compilers.hooks import conjuncts
from verifier.compilers.selection import Population, written_policies
from verifier.model.cluster import Cluster
from verifier.model.fields import Field
from verifier.model.node import NodeState
from verifier.model.policy import Direction
from verifier.model.predicate import InRange, Predicate, sets_of
from verifier.model.profile import Sign
from verifier.model.ruleset import Chain
from verifier.model.written import WrittenPeer, WrittenPolicy, WrittenRule, WrittenSelector

PREFIXES = {Direction.INGRESS: "cali-pi-", Direction.EGRESS: "cali-po-"}
KIND, OWN_KINDS = "NetworkPolicy ", ("Calico ", "ClusterNetworkPolicy ")


def signs(node: NodeState, cluster: Cluster) -> tuple[Sign, ...]:
    """Everything that shows so."""
    present = {policy.name: policy for tier in cluster.tiers for policy in tier.policies}
    found = list(younger_policies(node, cluster))
    for family, ruleset in node.rulesets.items():
        population = Population(cluster, family)
        local = sum(1 << place for place, pod in enumerate(population.pods) if pod.node == node.name)
        known = frozenset(_names(family, cluster, population))
        chains = {name: chain for (table, name), chain in ruleset.chains.items() if table == "filter"}
        mine: set[str] = set()
        for policy in written_policies(cluster):
            title = full_name(policy)
            selects_here = bool(population.of(policy.pods, policy.namespace) & local)
            for direction in present[title].subjects:
                names = _chain_names(policy, direction)
                mine |= names
                entered = [chains[name] for name in names if name in chains]
                if not entered and selects_here:
                    spoken = f"nothing of the {direction.value} of policy {title} is in the dump"
                    found.append(Sign(title, spoken))
                compared = _Compared(policy, direction, known, family)
                for chain in entered:
                    soft = [*compared.sets(chain), *compared.ports(chain)]
                    found += [weighed(sign, policy) for sign in soft if possible(sign, policy)]
        found += _strangers(node, chains, mine, present)
    return tuple(found)


def _names(family: int, cluster: Cluster, population: Population) -> Iterator[str]:
    """The names of all sets that the cluster's policies have."""
    for identity, _ in purposes(cluster, population):
        for token in "0-":
            yield f"cali{family}{token}{identity}"[:LONGEST]


def _chain_names(policy: WrittenPolicy, direction: Direction) -> frozenset[str]:
    identities = policy_identities(policy.namespace, policy.name)
    return frozenset(limited(PREFIXES[direction], identity, LONGEST_CHAIN) for identity in identities)


def _strangers(
    node: NodeState, chains: Mapping[str, Chain], mine: set[str], present: Mapping[str, object]
) -> Iterator[Sign]:
    """Chains of NetworkPolicies that the cluster does not have, or not in this direction."""
    for name, chain in chains.items():
        if not name.startswith(tuple(PREFIXES.values())) or name in mine:
            continue
        phrase, _, direction = explain_chain(node, name).rpartition(", ")
        if phrase.startswith(OWN_KINDS):
            sentence = f"{name} is the {direction} of {phrase}, which is no NetworkPolicy"
            yield Sign("", sentence, chain.rules, unread=True)
        if not phrase.startswith(KIND):
            continue
        policy = phrase.removeprefix(KIND)
        lacking = f"which has no {direction} rules" if policy in present else "which the cluster does not have"
        callers = tuple(
            rule for each in chains.values() for rule in each.rules if getattr(rule.effect, "chain", "") == name
        )
        yield Sign(policy, f"{name} is the {direction} of policy {policy}, {lacking}", (*chain.rules, *callers))


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
        """Sets that its chain asks and that stand for no selector of any present policy."""
        title, told = full_name(self.policy), set()
        for rule in chain.rules:
            for name in sets_of(rule.match):
                if name in told or name in self.known or not computed_set(name):
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
    protocols = [p.ranges[0][0] for p in parts if isinstance(p, InRange) and p.field is Field.PROTOCOL]
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
