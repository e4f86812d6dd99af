"""What policies say in their narrow and in their wide reading, as far as this cluster tells the two apart.

Spec: specs/assumptions.md (AS-1, AS-7 to AS-11, AS-14, AS-15)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from verifier.model.addresses import merge
from verifier.model.assumption import (
    EQUAL_PRIORITIES,
    FINISHED_PODS,
    HOST_NETWORK_PODS,
    REPEATED_PORT_NAMES,
    SIDECAR_PORTS,
    Presence,
    Setting,
    granted,
)
from verifier.model.cluster import Cluster, Pod
from verifier.model.fields import End, Field
from verifier.model.policy import Action, Direction, PolicyRule, Tier
from verifier.model.predicate import (
    FALSE,
    TRUE,
    All,
    AnyOf,
    InRange,
    LabelIn,
    LabelText,
    Not,
    PortNamed,
    Predicate,
    Thing,
    all_of,
    any_of,
    equals,
    negate,
    tests_of,
)
from verifier.semantics.ties import broken, contested

Alternative: TypeAlias = tuple[frozenset[str], Predicate, Predicate]
"""The assumptions that a wider reading of a rule needs, its peer and its ports."""
NAMES = frozenset({REPEATED_PORT_NAMES, SIDECAR_PORTS})
"""The assumptions that only a pod can tell apart which gives one name to several ports, or a sidecar's port a name."""
PEER_END = {Direction.INGRESS: End.SOURCE, Direction.EGRESS: End.DESTINATION}
PORT = {End.SOURCE: Field.SOURCE_PORT, End.DESTINATION: Field.DESTINATION_PORT}
FIELD = {End.SOURCE: Field.SOURCE, End.DESTINATION: Field.DESTINATION}


@dataclass(frozen=True, slots=True)
class Readings:
    """The tiers in which only what is granted counts, and those in which whatever may count does.

    `written` has every reading there is, granted or not. `live` are the assumptions that tell some rule's readings apart in this cluster; without any, both are one object.
    """

    narrow: tuple[Tier, ...]
    wide: tuple[Tier, ...]
    written: tuple[Tier, ...]
    live: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Guests:
    """Pods that are no pods to every plug-in, alike in labels and ports: one of them, and the addresses of all."""

    assumption: str
    pod: Pod
    at: Mapping[End, Predicate]


def readings(cluster: Cluster, settings: Mapping[str, Setting]) -> Readings:
    """Both readings of all policies; a reading that no pod of the cluster can tell from the narrowest is left out."""
    guests = list(_guests(cluster))
    named = _ambiguous_names(cluster)
    found: dict[int, list[Alternative]] = {}
    live: set[str] = set()
    for tier in cluster.tiers:
        if contested(tier):
            live.add(EQUAL_PRIORITIES)
        for policy in tier.policies:
            for rule in policy.rules:
                alternatives = list(_alternatives(rule, guests, named, cluster))
                if alternatives:
                    found[id(rule)] = alternatives
                    live.update(name for needs, _, _ in alternatives for name in needs)
    if not live:
        return Readings(cluster.tiers, cluster.tiers, cluster.tiers, frozenset())
    sure, perhaps = granted(settings, perhaps=False), granted(settings, perhaps=True)
    everything = frozenset(live)
    narrow = wide = _resolved(cluster.tiers, found, Counting(sure, perhaps, lenient=False))
    if live & sure != live & perhaps:
        wide = _resolved(cluster.tiers, found, Counting(sure, perhaps, lenient=True))
    written = _resolved(cluster.tiers, found, Counting(everything, everything, lenient=True))
    return Readings(narrow, wide, written, everything)


def read(rule: PolicyRule, counting: Counting) -> Iterator[PolicyRule]:
    """A rule as the rules that its readings make of it, each with the one reading that it has."""
    yield replace(rule, readings=())
    for sure in (True, False):
        for each in rule.readings:
            if (each.needs <= counting.sure) is sure and each.needs <= counting.perhaps:
                action = rule.action if sure else doubtful(rule.action, lenient=counting.lenient)
                if action is not None:
                    yield replace(rule, peer=each.peer, ports=each.ports, action=action, readings=())


def settled(tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
    """The tiers where nothing is granted, so that each is a list of rules of which the first that matches decides."""
    return _resolved(tiers, {}, Counting(frozenset(), frozenset(), lenient=False))


def tolerating(tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
    """The tiers of which those that isolate allow whatever they isolate; the others as they are (CNP-18)."""

    def bare(tier: Tier) -> Tier:
        policies = tuple(replace(each, rules=()) for each in tier.policies)
        return replace(tier, policies=policies, unmatched=Action.ALLOW)

    return tuple(tier if tier.unmatched is Action.PASS else bare(tier) for tier in tiers)


def standing(tiers: tuple[Tier, ...], presence: Presence) -> tuple[Tier, ...]:
    """The tiers where policies that do not speak of every protocol stand so; themselves where all do (AS-18)."""
    if presence is Presence.WRITTEN or all(policy.every_protocol for tier in tiers for policy in tier.policies):
        return tiers
    made = []
    for tier in tiers:
        policies = tier.policies
        if presence is Presence.ABSENT:
            policies = tuple(policy for policy in policies if policy.every_protocol)
        else:
            policies = tuple(policy if policy.every_protocol else replace(policy, rules=()) for policy in policies)
        made.append(replace(tier, policies=policies))
    return tuple(made)


@dataclass(frozen=True, slots=True)
class Counting:
    """The assumptions that surely count, those that perhaps do, and whether what is not sure lets packets pass."""

    sure: frozenset[str]
    perhaps: frozenset[str]
    lenient: bool

    def grants(self, name: str) -> bool:
        """Whether an assumption by which packets pass counts."""
        return name in (self.perhaps if self.lenient else self.sure)


def _resolved(tiers: tuple[Tier, ...], found: Mapping[int, list[Alternative]], counting: Counting) -> tuple[Tier, ...]:
    """The tiers with each alternative that counts as a rule of its own, and open ties broken."""
    lenient = counting.grants(EQUAL_PRIORITIES)
    made = tuple(broken(_widened(tier, found, counting), lenient=lenient) for tier in tiers)
    return tiers if all(one is other for one, other in zip(made, tiers, strict=True)) else made


def _widened(tier: Tier, found: Mapping[int, list[Alternative]], counting: Counting) -> Tier:
    if not any(id(rule) in found for policy in tier.policies for rule in policy.rules):
        return tier

    def rules(rule: PolicyRule) -> Iterator[PolicyRule]:
        yield rule
        alternatives = found.get(id(rule), ())
        for sure in (True, False):
            for needs, peer, ports in alternatives:
                if (needs <= counting.sure) is sure and needs <= counting.perhaps:
                    action = rule.action if sure else doubtful(rule.action, lenient=counting.lenient)
                    if action is not None:
                        yield replace(rule, peer=peer, ports=ports, action=action, readings=())

    return replace(
        tier,
        policies=tuple(
            replace(policy, rules=tuple(each for rule in policy.rules for each in rules(rule)))
            for policy in tier.policies
        ),
    )


def doubtful(action: Action, *, lenient: bool) -> Action | None:
    """What a rule does with packets that it perhaps matches; None where that is nothing (AS-1).

    What a rule perhaps passes on is surely neither allowed nor denied, whatever later tiers say.
    """
    decided = Action.ALLOW if lenient else Action.DENY
    return decided if action in (decided, Action.PASS) else None


def _alternatives(
    rule: PolicyRule, guests: list[_Guests], named: frozenset[tuple[int, str]], cluster: Cluster
) -> Iterator[Alternative]:
    """The wider readings of a rule that differ from it in this cluster."""
    written: list[Alternative] = [(frozenset(), rule.peer, rule.ports)]
    written.extend(
        (reading.needs, reading.peer, reading.ports)
        for reading in rule.readings
        if not reading.needs & NAMES or _mentions(reading.ports, named) or _mentions(reading.peer, named)
    )
    yield from written[1:]
    end = PEER_END[rule.direction]
    for needs, peer, ports in written:
        for guest in guests:
            if guest.assumption in rule.settled:
                continue
            theirs = _seen(peer, end, guest.pod, cluster)
            service = _seen(ports, end, guest.pod, cluster)
            if (theirs == peer and service == ports) or FALSE in (theirs, service):
                continue
            yield needs | {guest.assumption}, all_of(guest.at[end], theirs), service


def _ambiguous_names(cluster: Cluster) -> frozenset[tuple[int, str]]:
    """The names that some pod gives to several ports, or to one of a sidecar."""
    found: set[tuple[int, str]] = set()
    for pod in cluster.pods:
        keys = [(port.protocol, port.name) for port in pod.ports if port.name]
        found.update(key for place, key in enumerate(keys) if key in keys[:place])
        found.update((port.protocol, port.name) for port in pod.sidecar_ports)
    return frozenset(found)


def _mentions(ports: Predicate, named: frozenset[tuple[int, str]]) -> bool:
    return any(isinstance(test, PortNamed) and (test.protocol, test.name) in named for test in tests_of(ports))


def _guests(cluster: Cluster) -> Iterator[_Guests]:
    """Pods of the host's network (AS-11), and finished pods whose address nobody else has (AS-10)."""
    taken = {end for pod in cluster.pods if pod.has_traffic for end in pod.addresses.items()}
    alike: dict[tuple[str, object], tuple[Pod, list[tuple[int, int]]]] = {}
    for pod in cluster.pods:
        if pod.has_traffic or not pod.addresses or (pod.host_network and pod.finished):
            continue
        assumption = HOST_NETWORK_PODS if pod.host_network else FINISHED_PODS
        free = [end for end in pod.addresses.items() if end not in taken]
        key = (assumption, (pod.namespace, frozenset(pod.labels.items()), pod.ports, pod.sidecar_ports))
        alike.setdefault(key, (pod, []))[1].extend(free)
    for (assumption, _), (pod, ends) in alike.items():
        if ends:
            yield _Guests(assumption, pod, {end: _addresses(FIELD[end], ends) for end in End})


def _addresses(field: Field, ends: list[tuple[int, int]]) -> Predicate:
    parts = [
        InRange(field, merge((address, address) for known, address in ends if known == family), family)
        for family in (4, 6)
        if any(known == family for known, _ in ends)
    ]
    return any_of(*parts)


def _seen(predicate: Predicate, end: End, pod: Pod, cluster: Cluster) -> Predicate:
    """The predicate where the end is this pod: without the labels of that end, and without names of its ports."""
    match predicate:
        case LabelIn(label, values) if label.end is end:
            value = cluster.label(pod, label)
            return TRUE if value is not None and (values is None or value in values) else FALSE
        case LabelText(label, test, text) if label.end is end:
            value = cluster.label(pod, label)
            return TRUE if value is not None and test.holds(value, text) else FALSE
        case Thing(where, part) if where is end:
            return any_of(predicate, _seen(part, end, pod, cluster))
        case PortNamed(protocol, name, declared, where) if where is end:
            numbers = pod.ports_named(name, protocol, declared)
            ranges = merge((number, number) for number in numbers)
            return all_of(equals(Field.PROTOCOL, protocol), InRange(PORT[end], ranges)) if ranges else FALSE
        case All(parts):
            return all_of(*(_seen(part, end, pod, cluster) for part in parts))
        case AnyOf(parts):
            return any_of(*(_seen(part, end, pod, cluster) for part in parts))
        case Not(part):
            return negate(_seen(part, end, pod, cluster))
        case _:
            return predicate
