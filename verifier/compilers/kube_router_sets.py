"""kube-router's sets: the names it computes from policies, and what each of them stands for now.

Spec: specs/compilers/kube_router.md
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from verifier.compilers.hooks import conjuncts
from verifier.compilers.ideal import ideal_blocks, ideal_pods, network
from verifier.compilers.selection import PROTOCOLS, Population, pods_behind, pods_in, pods_of, written_policies
from verifier.model.cluster import Cluster
from verifier.model.extent import of_addresses
from verifier.model.fields import ADDRESS_BITS, Field
from verifier.model.ipset import AddressPart, IpSet
from verifier.model.node import NodeState
from verifier.model.policy import Direction
from verifier.model.predicate import InRange, Member, any_of
from verifier.model.profile import IdealSet, Selection
from verifier.model.written import WrittenBlock, WrittenPolicy, WrittenRule, WrittenSelector

SOURCES, DESTINATIONS = "KUBE-SRC-", "KUBE-DST-"
POLICY_CHAIN = "KUBE-NWPLCY-"
PREFIXES = {4: "", 6: "inet6:"}
KINDS = {Direction.INGRESS: "ingressrule", Direction.EGRESS: "egressrule"}
PEERS_AT = {Direction.INGRESS: SOURCES, Direction.EGRESS: DESTINATIONS}
NAMED_PORTS = 8
"""How many sets of named ports a rule is believed to have: one for each number that its names stand for."""
NO_PORT = ((None, "", None),)
"""A port that no pod declares."""
MERGED = "kube-router puts all blocks of a rule into one set, where an exception of one block cuts into the others"


def computed_set(name: str) -> bool:
    """Whether a set's name is one that is computed from policies."""
    return name.removeprefix(PREFIXES[6]).startswith((SOURCES, DESTINATIONS))


def hashed(*parts: object) -> str:
    """The 16 characters of a name: SHA-256 of the parts one after the other, in base 32."""
    digest = hashlib.sha256("".join(map(str, parts)).encode()).digest()
    return base64.b32encode(digest).decode()[:16]


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a set is for: the targets of a policy, or the pods, blocks or n-th named port of a rule."""

    policy: WrittenPolicy
    family: int
    kind: str  # "target", "pod", "ipblock", "namedport"
    direction: Direction = Direction.INGRESS
    rule: int = 0
    number: int = 0

    @property
    def written(self) -> WrittenRule | None:
        """The rule that it is for, None for the targets."""
        rules = self.policy.ingress if self.direction is Direction.INGRESS else self.policy.egress
        return None if self.kind == "target" else rules[self.rule]


def names(policy: WrittenPolicy, family: int, dialect: str) -> Iterator[tuple[str, Purpose]]:
    """The sets that the policy may have; `dialect` is "IPv4", "IPv6", or "" for releases that hash no family."""
    prefix, owner = PREFIXES[family] if dialect else "", (policy.namespace, policy.name)
    for start in (SOURCES, DESTINATIONS):
        yield prefix + start + hashed(*owner, dialect), Purpose(policy, family, "target")
    for direction, rules in ((Direction.INGRESS, policy.ingress), (Direction.EGRESS, policy.egress)):
        for place, rule in enumerate(rules):
            yield from _of_rule(policy, family, dialect, direction, place, rule)


def _of_rule(
    policy: WrittenPolicy, family: int, dialect: str, direction: Direction, place: int, rule: WrittenRule
) -> Iterator[tuple[str, Purpose]]:
    prefix = PREFIXES[family] if dialect else ""
    owner = (policy.namespace, policy.name, KINDS[direction], place)
    for kind, present in (
        ("pod", any(peer.block is None for peer in rule.peers)),
        ("ipblock", any(peer.block is not None for peer in rule.peers)),
    ):
        if present:
            name = prefix + PEERS_AT[direction] + hashed(*owner, dialect, kind)
            yield name, Purpose(policy, family, kind, direction, place)
    if any(isinstance(port.port, str) for port in rule.ports):
        for number in range(NAMED_PORTS):
            name = prefix + DESTINATIONS + hashed(*owner, number, dialect, "namedport")
            yield name, Purpose(policy, family, "namedport", direction, place, number)


def ideal_sets(node: NodeState, cluster: Cluster) -> Mapping[str, IdealSet]:
    """Every loaded set whose name some policy of the cluster has, with what it stands for."""
    loaded = node.sets or {}
    found: dict[str, IdealSet] = {}
    for family in sorted(node.rulesets):
        population = Population(cluster, family)
        for name, purpose, numbers in _loaded(node, cluster, family):
            found[name] = _ideal(loaded[name], purpose, population, numbers)
    return found


def selections(node: NodeState, cluster: Cluster) -> Mapping[str, Selection | None]:
    """Every loaded set whose name some policy of the cluster has, with the pods that it stands for in every cluster."""
    loaded = (each for family in sorted(node.rulesets) for each in _loaded(node, cluster, family))
    return {
        name: None if purpose.kind == "ipblock" else _selection(purpose, numbers) for name, purpose, numbers in loaded
    }


def unwritten(node: NodeState, cluster: Cluster, family: int) -> Mapping[str, Selection]:
    """The pods for which there are no rules because there is no such pod today, by what they are (KR-5)."""
    loaded = node.sets or {}
    found: dict[str, Selection] = {}
    population = Population(cluster, family)
    dialect = dialect_of(node, cluster, family)
    for policy in written_policies(cluster):
        for name, purpose in names(policy, family, dialect):
            rule = purpose.written
            if rule is None or purpose.kind == "ipblock":
                continue
            where = f"{purpose.direction.value}[{purpose.rule}] of policy {policy.namespace}/{policy.name}"
            peers = _peers(population, policy, rule) if rule.peers else population.labels.all
            if purpose.kind == "pod" and name not in loaded and not peers:
                found[f"a peer of {where}"] = _selection(purpose, frozenset())
            elif purpose.kind == "namedport" and purpose.direction is Direction.EGRESS:
                found.update(_unnumbered(policy, rule, where, population, peers))
    return found


def _unnumbered(
    policy: WrittenPolicy, rule: WrittenRule, where: str, population: Population, peers: int
) -> Iterator[tuple[str, Selection]]:
    """The peers that give a name of a rule a number that none of today's peers gives it."""
    pods = any_of(*(pods_behind(peer, policy.namespace) for peer in rule.peers))
    for port in rule.ports:
        if isinstance(port.port, str):
            today = population.numbers(port.protocol, port.port, peers)
            every = population.numbers(port.protocol, port.port, population.labels.all)
            ports = tuple((PROTOCOLS[port.protocol], port.port, each) for each in every if each not in today)
            if ports:
                called = f"a peer of {where} that calls {', '.join(str(each) for _, _, each in ports)} {port.port}"
                yield called, Selection(pods if rule.peers else pods_in(WrittenSelector()), ports)


def _selection(purpose: Purpose, numbers: frozenset[int]) -> Selection:
    policy, rule = purpose.policy, purpose.written
    targets = pods_of(policy.pods, policy.namespace)
    if rule is None:
        return Selection(targets)
    peers = any_of(*(pods_behind(peer, policy.namespace) for peer in rule.peers))
    if purpose.kind == "pod":
        return Selection(peers)
    called = [(PROTOCOLS[port.protocol], port.port) for port in rule.ports if isinstance(port.port, str)]
    ports = tuple((protocol, name, number) for protocol, name in called for number in sorted(numbers))
    if purpose.direction is Direction.INGRESS:
        return Selection(targets, ports or NO_PORT)
    return Selection(peers if rule.peers else pods_in(WrittenSelector()), ports or NO_PORT)


def _loaded(node: NodeState, cluster: Cluster, family: int) -> Iterator[tuple[str, Purpose, frozenset[int]]]:
    """The loaded sets of a family that have a purpose, with the ports beside which rules test them."""
    loaded = node.sets or {}
    numbers = _numbers(node, family)
    dialect = dialect_of(node, cluster, family)
    for policy in written_policies(cluster):
        for name, purpose in names(policy, family, dialect):
            if name in loaded:
                yield name, purpose, numbers.get(name, frozenset())


def dialect_of(node: NodeState, cluster: Cluster, family: int) -> str:
    """What the release hashes of the family: its name, or nothing where the dump has sets named so (before 2.0)."""
    loaded = node.sets or {}
    for policy in written_policies(cluster) if family == 4 else ():
        for start in (SOURCES, DESTINATIONS):
            owner = (policy.namespace, policy.name)
            if start + hashed(*owner) in loaded and start + hashed(*owner, "IPv4") not in loaded:
                return ""
    return f"IPv{family}"


def _numbers(node: NodeState, family: int) -> dict[str, frozenset[int]]:
    """The destination ports beside which policy rules test a set of destinations."""
    found: dict[str, set[int]] = {}
    ruleset = node.rulesets[family]
    for (table, chain), each in ruleset.chains.items():
        if table != "filter" or not chain.startswith(POLICY_CHAIN):
            continue
        for rule in each.rules:
            parts = conjuncts(rule.match)
            ported = (p for p in parts if isinstance(p, InRange) and p.field is Field.DESTINATION_PORT)
            ports = [part.ranges[0][0] for part in ported if part.ranges]
            for part in parts:
                if ports and isinstance(part, Member):
                    found.setdefault(part.name, set()).update(ports)
    return {name: frozenset(ports) for name, ports in found.items()}


def _ideal(known: IpSet, purpose: Purpose, population: Population, numbers: frozenset[int]) -> IdealSet:
    policy = purpose.policy
    title = f"{policy.namespace}/{policy.name}"
    rule = purpose.written
    if rule is None:
        pods = population.of(policy.pods, policy.namespace)
        return ideal_pods(known, population, pods, f"the pods that policy {title} selects")
    where = f"{purpose.direction.value}[{purpose.rule}] of policy {title}"
    if purpose.kind == "ipblock":
        blocks = tuple(peer.block for peer in rule.peers if peer.block is not None)
        ideal = ideal_blocks(known, population.family, blocks, f"the blocks of {where}")
        return ideal if ideal.content is known else _merged(ideal, known, population.family, blocks)
    peers = _peers(population, policy, rule)
    if purpose.kind == "pod":
        return ideal_pods(known, population, peers, f"the pods of the peers of {where}")
    return _named_port(known, population, policy, purpose, peers, numbers)


def _peers(population: Population, policy: WrittenPolicy, rule: WrittenRule) -> int:
    pods = 0
    for peer in rule.peers:
        pods |= population.peer(peer, policy.namespace)
    return pods


def _named_port(
    known: IpSet,
    population: Population,
    policy: WrittenPolicy,
    purpose: Purpose,
    peers: int,
    numbers: frozenset[int],
) -> IdealSet:
    """Ingress: the policy's pods, egress: the rule's peers (all pods where it has none), that have the name so."""
    ingress = purpose.direction is Direction.INGRESS
    rule = (policy.ingress if ingress else policy.egress)[purpose.rule]
    among = population.of(policy.pods, policy.namespace) if ingress else peers if rule.peers else population.labels.all
    pods = 0
    called = sorted({port.port for port in rule.ports if isinstance(port.port, str)})
    for port in rule.ports:
        if isinstance(port.port, str):
            for number in numbers:
                pods |= population.named(port.protocol, port.port, number) & among
    shown = ", ".join(map(str, sorted(numbers))) or "no port"
    where = f"{purpose.direction.value}[{purpose.rule}] of policy {policy.namespace}/{policy.name}"
    meaning = f"the pods of {where} whose port {' or '.join(called)} is {shown}"
    return ideal_pods(known, population, pods, meaning)


def _merged(ideal: IdealSet, known: IpSet, family: int, blocks: tuple[WrittenBlock, ...]) -> IdealSet:
    """Told apart from a stale set: one that holds exactly the blocks and exceptions of the rule."""
    if known.content.opaque or not of_addresses(known.content.members):
        return ideal
    whole = (1 << ADDRESS_BITS[family]) - 1
    entries = [(*network(text), nomatch) for block in blocks for text, nomatch in _texts(block)]
    wanted = set()
    for first, last, own, nomatch in entries:
        if own == family:
            halves = [(first, last)] if last - first < whole else [(0, whole >> 1), ((whole >> 1) + 1, whole)]
            wanted |= {(low, high, nomatch) for low, high in halves}
    held = {
        (part.first, part.last, m.nomatch)
        for m in known.content.members
        for part in m.parts
        if isinstance(part, AddressPart)
    }
    return replace(ideal, quirk=MERGED) if held == wanted else ideal


def _texts(block: WrittenBlock) -> Iterator[tuple[str, bool]]:
    yield block.cidr, False
    for text in block.excepts:
        yield text, True
