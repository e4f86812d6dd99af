"""Calico's sets: the selectors that Felix computes from converted policies, the names hashed from them, the content.

Spec: specs/compilers/calico.md
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from verifier.compilers.ideal import ideal_members, ideal_pods
from verifier.compilers.selection import (
    PROTOCOLS,
    Population,
    networks_of,
    pods_behind,
    pods_in,
    written_policies,
)
from verifier.model.addresses import address_text
from verifier.model.asked import AskedSet
from verifier.model.cluster import Cluster
from verifier.model.fields import PROTOCOL_NAMES
from verifier.model.ipset import AddressPart, IpSet, PortPart, SetContent, SetMember
from verifier.model.node import NodeState
from verifier.model.policy import Policy
from verifier.model.predicate import Predicate, Range
from verifier.model.profile import IdealSet, Selection
from verifier.model.written import Requirement, WrittenPeer, WrittenPolicy, WrittenRule, WrittenSelector

ORCHESTRATOR = 'projectcalico.org/orchestrator == "k8s"'
NAMESPACE = "projectcalico.org/namespace"
INHERITED = "pcns."
OLD_NAMESPACE = "calico/k8s_ns"
OLD_INHERITED = "k8s_ns/label/"
LONGEST = 31
COMPUTED = re.compile(r"cali[46][-0](?:s|n|svc|svcnoport|t|d):.+")
"""The names that are computed from policies; all others (`cali40this-host`) have one meaning for ever."""


def computed_set(name: str) -> bool:
    """Whether a set's name is one that Felix computes from what policies select."""
    return COMPUTED.fullmatch(name) is not None


def unique_id(kind: str, content: str) -> str:
    """The identity of a set: its kind and the SHA-224 of kind and content (CAL-8)."""
    digest = hashlib.sha224(f"{kind}:{content}".encode()).digest()
    return f"{kind}:{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def _quoted(text: str) -> str:
    return f'"{text}"'


def _requirement(each: Requirement, prefix: str) -> str:
    key = prefix + each.key
    if each.operator == "Exists":
        return f"has({key})"
    if each.operator == "DoesNotExist":
        return f"!has({key})"
    values = ", ".join(_quoted(value) for value in sorted(set(each.values)))
    return f"{key} {'in' if each.operator == 'In' else 'not in'} {{{values}}}"


def _terms(selector: WrittenSelector, prefix: str = "") -> list[str]:
    labels = [f"{prefix}{key} == {_quoted(value)}" for key, value in sorted(selector.labels)]
    return labels + [_requirement(each, prefix) for each in selector.expressions]


def conjunction(terms: list[str]) -> str:
    """Terms joined as one node of a selector: in parentheses where there are several."""
    return terms[0] if len(terms) == 1 else f"({' && '.join(terms)})"


def peer_selectors(peer: WrittenPeer, home: str) -> Iterator[str]:
    """The canonical selectors of a peer that is no block in all releases: of 3.x, 2.6, and 2.1 to 2.5 (CAL-8)."""
    yield peer_selector(peer, home)
    if peer.namespaces is None:
        yield conjunction([f"{OLD_NAMESPACE} == {_quoted(home)}", *(_terms(peer.pods) if peer.pods else [])])
    elif peer.pods is None:  # a peer of both is younger than these releases
        for prefix in (INHERITED, OLD_INHERITED):
            yield conjunction(_terms(peer.namespaces, prefix) or [f"has({OLD_NAMESPACE})"])


def peer_selector(peer: WrittenPeer, home: str) -> str:
    """The canonical selector of a peer that is no block in 3.x: the namespace's part first (CAL-8)."""
    pods = conjunction([ORCHESTRATOR, *(_terms(peer.pods) if peer.pods is not None else [])])
    if peer.namespaces is None:
        return conjunction([f"{NAMESPACE} == {_quoted(home)}", pods])
    spaces = _terms(peer.namespaces, INHERITED) or [f"has({NAMESPACE})"]
    return conjunction([conjunction(spaces), pods])


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a set is for: pods, or (with `port`) the ports of one name and protocol that pods declare.

    `pods` are those of today, `selection` says which they are in every cluster; `networks` are the addresses that a set
    without ports holds besides.
    """

    pods: int
    meaning: str
    selection: Predicate
    port: tuple[str, str] | None = None
    networks: tuple[Range, ...] = ()


def purposes(cluster: Cluster, population: Population) -> Iterator[tuple[str, Purpose]]:
    """The sets of all policies by identity; the same set comes once for each rule that uses it."""
    for policy in written_policies(cluster):
        for direction, rules in (("ingress", policy.ingress), ("egress", policy.egress)):
            for place, rule in enumerate(rules):
                where = f"{direction}[{place}] of policy {policy.namespace}/{policy.name}"
                yield from _of_rule(policy, rule, direction, where, population)


def _of_rule(
    policy: WrittenPolicy, rule: WrittenRule, direction: str, where: str, population: Population
) -> Iterator[tuple[str, Purpose]]:
    named = sorted({(port.protocol.lower(), port.port) for port in rule.ports if isinstance(port.port, str)})
    for place, peer in enumerate(rule.peers):
        if peer.block is None:
            identities = [unique_id("s", selector) for selector in peer_selectors(peer, policy.namespace)]
            pods, selection = population.peer(peer, policy.namespace), pods_behind(peer, policy.namespace)
            meaning = f"the pods of {'from' if direction == 'ingress' else 'to'}[{place}] of {where}"
            for identity in identities:
                yield identity, Purpose(pods, meaning, selection)
            if direction == "egress":
                yield from _named(identities[0], Purpose(pods, meaning, selection), named)
    if named and (direction == "ingress" or not rule.peers or any(peer.block is not None for peer in rule.peers)):
        everybody = Purpose(population.labels.all, "all pods", pods_in(WrittenSelector()))
        yield from _named(unique_id("s", "all()"), everybody, named)


def _named(identity: str, among: Purpose, named: list[tuple[str, str]]) -> Iterator[tuple[str, Purpose]]:
    for protocol, name in named:
        meaning = f"port {name} of {among.meaning}"
        purpose = Purpose(among.pods, meaning, among.selection, (protocol, name))
        yield unique_id("n", f"{identity},{protocol},{name}"), purpose


def ideal_sets(node: NodeState, cluster: Cluster) -> Mapping[str, IdealSet]:
    """Every loaded set whose name some rule of some policy has, with what it stands for."""
    return {name: _ideal(known, purpose, population) for name, known, purpose, population in _loaded(node, cluster)}


def selections(node: NodeState, cluster: Cluster) -> Mapping[str, Selection | None]:
    """Every loaded set whose name some rule of some policy has, with what it stands for in every cluster."""
    return {name: _selection(purpose) for name, _, purpose, _ in _loaded(node, cluster)}


def _selection(purpose: Purpose) -> Selection:
    if purpose.port is None:
        return Selection(purpose.selection, networks=purpose.networks)
    protocol, name = purpose.port
    return Selection(purpose.selection, ((PROTOCOLS[protocol.upper()], name, None),), entries=True)


def asked_sets(policies: Iterable[Policy]) -> Iterator[tuple[str, str, AskedSet]]:
    """Identity and phrase of the sets of Calico's own policies, as often as they are asked."""
    hashed: dict[str, str] = {}
    for policy in policies:
        for each in policy.asked:
            identity = hashed.get(each.text) or hashed.setdefault(each.text, unique_id("s", each.text))
            phrase = f"{each.where} of {policy.kind} {policy.name}"
            if each.port is None:
                yield identity, phrase, each
            else:
                number, name = each.port
                content = f"{identity},{PROTOCOL_NAMES[number]},{name}"
                yield unique_id("n", content), f"port {name} of {phrase}", each


def names_of(identity: str, family: int) -> Iterator[str]:
    """What a set is called, since 3.1 and before."""
    for token in "0-":
        yield f"cali{family}{token}{identity}"[:LONGEST]


def every_policy(cluster: Cluster) -> Iterator[Policy]:
    """The policies of all tiers."""
    return (policy for tier in cluster.tiers for policy in tier.policies)


def _loaded(node: NodeState, cluster: Cluster) -> Iterator[tuple[str, IpSet, Purpose, Population]]:
    """The loaded sets that have a purpose, each once."""
    loaded = node.sets or {}
    found: set[str] = set()
    for family in sorted(node.rulesets):
        population = Population(cluster, family)
        for identity, purpose in _candidates(cluster, population):
            for name in names_of(identity, family):
                if name in loaded and name not in found:
                    found.add(name)
                    yield name, loaded[name], purpose(), population


def _candidates(cluster: Cluster, population: Population) -> Iterator[tuple[str, Callable[[], Purpose]]]:
    """Every set that a policy asks for; of equal names the first counts.

    Selectors of Calico's policies come before the spellings of NetworkPolicies in all releases, which may be equal to
    one that means network sets as well; conversions of NetworkPolicies come last, as they say nothing new of these.
    """
    for identity, phrase, asked in asked_sets(every_policy(cluster)):
        yield identity, partial(_purpose, asked, phrase, population, cluster)
    for identity, purpose in purposes(cluster, population):
        yield identity, partial(_same, purpose)
    for identity, phrase, asked in asked_sets(cluster.converted):
        yield identity, partial(_purpose, asked, phrase, population, cluster)


def _same(purpose: Purpose) -> Purpose:
    return purpose


def _purpose(asked: AskedSet, phrase: str, population: Population, cluster: Cluster) -> Purpose:
    pods = population.satisfying(asked.part)
    if asked.port is not None:
        number, name = asked.port
        return Purpose(pods, phrase, asked.part, (PROTOCOL_NAMES[number], name))
    return Purpose(pods, phrase, asked.part, networks=networks_of(asked.part, cluster).get(population.family, ()))


def _ideal(known: IpSet, purpose: Purpose, population: Population) -> IdealSet:
    if purpose.port is None:
        return ideal_pods(known, population, purpose.pods, purpose.meaning, purpose.networks)
    protocol, name = purpose.port
    number = PROTOCOLS[protocol.upper()]
    members = []
    for pod, address in population.listed(purpose.pods):
        for port in sorted({port.number for port in pod.ports if (port.name, port.protocol) == (name, number)}):
            text = f"{address_text(population.family, address)},{protocol}:{port}"
            members.append(SetMember(text, (AddressPart(address, address), PortPart(number, port, port))))
    return ideal_members(known, SetContent("hash:ip,port", 2, tuple(members)), purpose.meaning)
