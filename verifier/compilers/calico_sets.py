"""Calico's sets: the selectors that Felix computes from converted policies, the names hashed from them, the content.

Spec: specs/compilers/calico.md
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from verifier.compilers.ideal import ideal_members, ideal_pods
from verifier.compilers.selection import PROTOCOLS, Population, written_policies
from verifier.model.addresses import address_text
from verifier.model.cluster import Cluster
from verifier.model.ipset import AddressPart, IpSet, PortPart, SetContent, SetMember
from verifier.model.node import NodeState
from verifier.model.profile import IdealSet
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
    """What a set is for: pods, or (with `port`) the ports of one name and protocol that pods declare."""

    pods: int
    meaning: str
    port: tuple[str, str] | None = None


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
            pods = population.peer(peer, policy.namespace)
            meaning = f"the pods of {'from' if direction == 'ingress' else 'to'}[{place}] of {where}"
            for identity in identities:
                yield identity, Purpose(pods, meaning)
            if direction == "egress":
                yield from _named(identities[0], pods, named, f"{meaning}")
    if named and (direction == "ingress" or not rule.peers or any(peer.block is not None for peer in rule.peers)):
        yield from _named(unique_id("s", "all()"), population.labels.all, named, "all pods")


def _named(identity: str, pods: int, named: list[tuple[str, str]], meaning: str) -> Iterator[tuple[str, Purpose]]:
    for protocol, name in named:
        port = (protocol, name)
        yield unique_id("n", f"{identity},{protocol},{name}"), Purpose(pods, f"port {name} of {meaning}", port)


def ideal_sets(node: NodeState, cluster: Cluster) -> Mapping[str, IdealSet]:
    """Every loaded set whose name some rule of some policy has, with what it stands for."""
    loaded = node.sets or {}
    found: dict[str, IdealSet] = {}
    for family in sorted(node.rulesets):
        population = Population(cluster, family)
        for identity, purpose in purposes(cluster, population):
            for token in "0-":
                name = f"cali{family}{token}{identity}"[:LONGEST]
                known = loaded.get(name)
                if known is not None and name not in found:
                    found[name] = _ideal(known, purpose, population)
    return found


def _ideal(known: IpSet, purpose: Purpose, population: Population) -> IdealSet:
    if purpose.port is None:
        return ideal_pods(known, population, purpose.pods, purpose.meaning)
    protocol, name = purpose.port
    number = PROTOCOLS[protocol.upper()]
    members = []
    for pod, address in population.listed(purpose.pods):
        for port in sorted({port.number for port in pod.ports if (port.name, port.protocol) == (name, number)}):
            text = f"{address_text(population.family, address)},{protocol}:{port}"
            members.append(SetMember(text, (AddressPart(address, address), PortPart(number, port, port))))
    return ideal_members(known, SetContent("hash:ip,port", 2, tuple(members)), purpose.meaning)
