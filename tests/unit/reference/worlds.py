"""Small hand-made nodes, clusters and packets for the tests of the reference."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from verifier.model.cluster import Cluster, ContainerPort, Namespace, Pod
from verifier.model.effect import Assign, Call, Effect, Finish, Goto, Return, Verdict
from verifier.model.fields import NAMESPACE_NAME, End, Field, Label, Scope
from verifier.model.ipset import IpSet, Part, SetContent, SetMember
from verifier.model.node import InterfaceAddress, NodeState
from verifier.model.origin import Origin
from verifier.model.packet import Packet
from verifier.model.policy import Action, Direction, Policy, PolicyRule, Tier
from verifier.model.predicate import TRUE, LabelIn, Masked, Predicate, all_of
from verifier.model.ruleset import Chain, Rule, Ruleset

ACCEPT, DROP, RETURN = Finish(Verdict.ACCEPT), Finish(Verdict.DROP), Return()


def ip(text: str) -> int:
    return int(ipaddress.ip_address(text))


def net(text: str) -> tuple[int, int]:
    network = ipaddress.ip_network(text)
    return int(network[0]), int(network[-1])


def packet(source: str = "10.0.0.1", destination: str = "10.0.0.2", protocol: int = 6, port: int = 80) -> Packet:
    family = ipaddress.ip_address(source).version
    return Packet(
        family, ip(source), ip(destination), protocol, 40000, port, in_interface="eth0", out_interface="cali1"
    )


def rule(effect: Effect, match: Predicate = TRUE, line: int = 0, text: str = "") -> Rule:
    return Rule(match, effect, Origin("iptables-save", line), text or f"-A ... ({line})")


def chains(*described: tuple[str, str, Verdict | None, tuple[Rule, ...]]) -> dict[int, Ruleset]:
    made = {
        (table, name): Chain(table, name, policy, rules, Origin("iptables-save", 1))
        for table, name, policy, rules in described
    }
    return {4: Ruleset(4, made, "iptables-save"), 6: Ruleset(6, made, "ip6tables-save")}


def node(rulesets: Mapping[int, Ruleset] | None = None, *sets: IpSet) -> NodeState:
    addresses = (
        InterfaceAddress("lo", 4, ip("127.0.0.1"), 8),
        InterfaceAddress("eth0", 4, ip("192.168.0.10"), 24),
        InterfaceAddress("eth0", 6, ip("fd00::10"), 64),
    )
    return NodeState("node-a", rulesets or {}, {each.name: each for each in sets}, addresses)


def ipset(name: str, kind: str, *parts: tuple[Part, ...] | SetMember, family: int = 4) -> IpSet:
    members = tuple(each if isinstance(each, SetMember) else SetMember(str(each), each) for each in parts)
    dimensions = kind.split(":")[1].count(",") + 1
    return IpSet(name, family, SetContent(kind, dimensions, members), Origin("ipset-save", 1))


def pod(name: str, addresses: str, labels: Mapping[str, str], on: str = "node-a", ports: str = "") -> Pod:
    namespace, short = name.split("/")
    values = [ipaddress.ip_address(text) for text in addresses.split()]
    numbers = {"tcp": 6, "udp": 17, "sctp": 132}
    declared = tuple(
        ContainerPort(each.split(":")[0], numbers[each.split(":")[1].split("/")[0]], int(each.split("/")[1]))
        for each in ports.split()
    )
    by_family = {int(value.version): int(value) for value in values}
    return Pod(namespace, short, labels, by_family, on, False, "Running", declared, Origin("pods.yaml", 1))


def cluster(*pods: Pod, policies: tuple[Policy, ...] = ()) -> Cluster:
    names = {each.namespace for each in pods}
    namespaces = {name: Namespace(name, {NAMESPACE_NAME: name, "team": name[0]}, Origin("n.yaml")) for name in names}
    tiers = (Tier("networkpolicy", policies, Action.DENY),) if policies else ()
    return Cluster(namespaces=namespaces, pods=pods, tiers=tiers)


def selecting(direction: Direction, namespace: str, **labels: str) -> Predicate:
    """The protected end is a pod of the namespace with these labels."""
    end = End.DESTINATION if direction is Direction.INGRESS else End.SOURCE
    tests = [LabelIn(Label(end, Scope.NAMESPACE, NAMESPACE_NAME), frozenset({namespace}))]
    tests += [LabelIn(Label(end, Scope.POD, key), frozenset({value})) for key, value in labels.items()]
    return all_of(*tests)


def policy(
    name: str, direction: Direction, subject: Predicate, *rules: tuple[Predicate, Predicate], line: int = 1
) -> Policy:
    made = tuple(
        PolicyRule(direction, peer, ports, Action.ALLOW, Origin("p.yaml", line), f"{direction.value}[{place}]")
        for place, (peer, ports) in enumerate(rules)
    )
    return Policy("NetworkPolicy", name, {direction: subject}, made, Origin("p.yaml", line))


def marked(value: int, mask: int | None = None) -> Predicate:
    return Masked(Field.MARK, value, value if mask is None else mask)


def mark(value: int, mask: int | None = None) -> Effect:
    return Assign(Field.MARK, value, value if mask is None else mask)


__all__ = ["ACCEPT", "DROP", "RETURN", "Call", "Goto"]
