"""What in a kube-router dump shows that policies changed after they were compiled.

Spec: specs/questions/cause.md (WHY-7), specs/compilers/kube_router.md
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from verifier.compilers.ages import full_name, possible, weighed, younger_policies
from verifier.compilers.hooks import conjuncts, entered
from verifier.compilers.kube_router_sets import (
    DESTINATIONS,
    KINDS,
    PEERS_AT,
    POLICY_CHAIN,
    PREFIXES,
    Purpose,
    computed_set,
    dialect_of,
    hashed,
    names,
)
from verifier.compilers.selection import PROTOCOLS, Population, written_policies
from verifier.model.cluster import Cluster
from verifier.model.fields import Field
from verifier.model.node import NodeState
from verifier.model.policy import Direction, Policy
from verifier.model.predicate import InRange, Member, Predicate
from verifier.model.profile import Sign
from verifier.model.ruleset import Chain, Rule
from verifier.model.written import WrittenPolicy, WrittenRule

NAMES = 4
FURTHER = 16
"""So many rules more than a policy has now are looked for among the sets that it may have had."""


@dataclass(slots=True)
class Traces:
    """What a dump has of one policy: its chain's rules, the rules that enter it, and the directions in which they do."""

    chains: list[Chain] = field(default_factory=list)
    jumps: list[Rule] = field(default_factory=list)


def signs(node: NodeState, cluster: Cluster, traces: Mapping[int, Mapping[str, Traces]]) -> tuple[Sign, ...]:
    """Everything that shows so; `traces` are what each family's dump has of policies, by "namespace/name"."""
    written = {full_name(policy): policy for policy in written_policies(cluster)}
    present = {policy.name: policy for tier in cluster.tiers for policy in tier.policies}
    found = list(younger_policies(node, cluster))
    for family, known in traces.items():
        population, dialect = Population(cluster, family), dialect_of(node, cluster, family)
        local = sum(1 << place for place, pod in enumerate(population.pods) if pod.node == node.name)
        found += _strangers(known, present)
        for name, policy in written.items():
            if name not in known:
                if population.of(policy.pods, policy.namespace) & local and present[name].subjects:
                    found.append(Sign(name, f"nothing of policy {name} is in the dump"))
                continue
            compared = _Compared(policy, present[name], known[name], family, dialect)
            soft = [*compared.sets(), *compared.ports(), *compared.directions()]
            found += [weighed(sign, policy) for sign in soft if possible(sign, policy)]
    return tuple(found)


def _strangers(known: Mapping[str, Traces], present: Mapping[str, Policy]) -> Iterator[Sign]:
    for name, traces in known.items():
        if name not in present:
            rules = (*traces.jumps, *(rule for chain in traces.chains for rule in chain.rules))
            chains = ", ".join(chain.name for chain in traces.chains) or "a rule"
            yield Sign(name, f"{chains} is of policy {name}, which the cluster does not have", rules)


@dataclass(frozen=True, slots=True)
class _Compared:
    """A policy of the cluster and what the dump has of it."""

    policy: WrittenPolicy
    present: Policy
    traces: Traces
    family: int
    dialect: str
    mine: dict[str, Purpose] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "mine", dict(names(self.policy, self.family, self.dialect)))

    def _rules(self) -> Iterator[Rule]:
        for chain in self.traces.chains:
            yield from chain.rules

    def sets(self) -> Iterator[Sign]:
        """Sets that its rules ask and that it would not have now: of rules or peers that it does not have."""
        told: set[str] = set()
        for rule in self._rules():
            for part in conjuncts(rule.match):
                if not isinstance(part, Member) or part.name in self.mine or part.name in told:
                    continue
                if computed_set(part.name):
                    told.add(part.name)
                    former = self._former(part.name)
                    if former:
                        title = full_name(self.policy)
                        sentence = f"set {part.name} is for {former} of policy {title}, which it does not have"
                        yield Sign(title, sentence, (rule,))

    def _former(self, name: str) -> str:
        """What a set was for when the policy had other rules, "" where it never was this policy's."""
        dialect = self.dialect
        prefix = PREFIXES[self.family] if dialect else ""
        for direction, rules in self._written():
            for place in range(len(rules) + FURTHER):
                for kind, words in (("pod", "peers that are pods"), ("ipblock", "blocks")):
                    owner = (self.policy.namespace, self.policy.name, KINDS[direction], place, dialect, kind)
                    if name == prefix + PEERS_AT[direction] + hashed(*owner):
                        return f"the {words} in {direction.value}[{place}]"
                for number in range(NAMES):
                    port = (self.policy.namespace, self.policy.name, KINDS[direction], place, number, dialect)
                    if name == prefix + DESTINATIONS + hashed(*port, "namedport"):
                        return f"a port by name in {direction.value}[{place}]"
        return ""

    def _written(self) -> tuple[tuple[Direction, tuple[WrittenRule, ...]], ...]:
        return (Direction.INGRESS, self.policy.ingress), (Direction.EGRESS, self.policy.egress)

    def ports(self) -> Iterator[Sign]:
        """Ports that its chain opens for a rule that does not have them."""
        mine, title = self.mine, full_name(self.policy)
        for rule in self._rules():
            parts = conjuncts(rule.match)
            opened = _opened(parts)
            purposes = [mine[part.name] for part in parts if isinstance(part, Member) and part.name in mine]
            peers = next((each for each in purposes if each.kind in ("pod", "ipblock")), None)
            if opened is None or peers is None or any(each.kind == "namedport" for each in purposes):
                continue
            written = self.policy.ingress if peers.direction is Direction.INGRESS else self.policy.egress
            if not _has(written[peers.rule], opened):
                where = f"{peers.direction.value}[{peers.rule}]"
                protocol, first, last = opened
                shown = f"{first}" if first == last else f"{first}-{last}"
                sentence = f"its chain opens {protocol} {shown} for {where} of policy {title}, which has other ports"
                yield Sign(title, sentence, (rule,), certain=False)

    def directions(self) -> Iterator[Sign]:
        """Its chain is entered for other directions than those in which it isolates now."""
        loaded: set[Direction] = set()
        for rule in self.traces.jumps:
            fields = {part.field for part in conjuncts(rule.match) if isinstance(part, InRange)}
            loaded |= {
                direction
                for direction, end in ((Direction.INGRESS, Field.SOURCE), (Direction.EGRESS, Field.DESTINATION))
                if end not in fields
            }
        wanted = set(self.present.subjects)
        if self.traces.jumps and loaded != wanted:
            title = full_name(self.policy)
            spoken = " and ".join(sorted(each.value for each in loaded)) or "no direction"
            sentence = f"the dump enters the chain of policy {title} for {spoken}, which is not what it isolates"
            yield Sign(title, sentence, tuple(self.traces.jumps), certain=False)


def _opened(parts: tuple[Predicate, ...]) -> tuple[str, int, int] | None:
    """Protocol and destination ports of a rule that names one range of them."""
    ranges = [p.ranges for p in parts if isinstance(p, InRange) and p.field is Field.DESTINATION_PORT]
    protocols = [p.ranges[0][0] for p in parts if isinstance(p, InRange) and p.field is Field.PROTOCOL and p.ranges]
    called = {number: name for name, number in PROTOCOLS.items()}
    if not ranges or not protocols or protocols[0] not in called or len(ranges[0]) != 1:
        return None
    return called[protocols[0]].lower(), *ranges[0][0]


def _has(rule: WrittenRule, opened: tuple[str, int, int]) -> bool:
    protocol, first, last = opened
    return any(
        port.protocol.lower() == protocol
        and (port.port == first or isinstance(port.port, str))
        and (isinstance(port.port, str) or (port.end or port.port) == last)
        for port in rule.ports
    )


def traces_of(node: NodeState, policy_of: Mapping[tuple[int, str], str]) -> dict[int, dict[str, Traces]]:
    """What each family has of each policy; `policy_of` names the policy of (family, chain)."""
    found: dict[int, dict[str, Traces]] = {}
    for family, ruleset in node.rulesets.items():
        mine = found.setdefault(family, {})
        for (table, name), chain in ruleset.chains.items():
            if table == "filter" and (family, name) in policy_of:
                mine.setdefault(policy_of[family, name], Traces()).chains.append(chain)
        for (table, _), chain in ruleset.chains.items():
            for rule in chain.rules if table == "filter" else ():
                target = entered(rule.effect)
                if target.startswith(POLICY_CHAIN) and (family, target) in policy_of:
                    mine.setdefault(policy_of[family, target], Traces()).jumps.append(rule)
    return found
