"""NetworkPolicy of networking.k8s.io/v1: validated as the API server does, in core form.

Spec: specs/policies/network_policy.md (NP-1 to NP-49), specs/assumptions.md (AS-7 to AS-9)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeAlias

from verifier.model.assumption import BLOCK_HOST_BITS
from verifier.model.document import Part, shown
from verifier.model.fields import NAMESPACE_NAME, End, Field, Label, Scope
from verifier.model.policy import DEFAULT_TIER, Action, Direction, Policy, PolicyRule, Reading
from verifier.model.predicate import TRUE, Declared, LabelIn, PortNamed, Predicate, all_of, any_of, equals
from verifier.policies.cidr import Block, ip_block
from verifier.policies.kind import PolicyKind, Shared
from verifier.policies.ports import port_name, port_number, port_range, protocol, readings
from verifier.policies.selectors import only_fields, selected_namespaces, selector
from verifier.policies.writing import written

_TYPES = {"Ingress": Direction.INGRESS, "Egress": Direction.EGRESS}
_PROTECTED = {Direction.INGRESS: End.DESTINATION, Direction.EGRESS: End.SOURCE}
_PEERS = {Direction.INGRESS: "from", Direction.EGRESS: "to"}
_POLICY_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_DEFAULT_NAMESPACE = "default"
ORDER = 1000
"""Where NetworkPolicies stand among the other policies of their tier."""
_Reading: TypeAlias = tuple[str, Predicate]
"""The assumption that a reading needs ("" for the narrowest), and what it says."""


def translate(document: Part, shared: Shared) -> Policy:
    """A NetworkPolicy in core form; InputError for the first fault that the API server would refuse."""
    only_fields(document, "apiVersion", "kind", "metadata", "spec", "status")
    namespace, name = _names(document.child("metadata"))
    spec = document.child("spec")
    only_fields(spec, "podSelector", "ingress", "egress", "policyTypes")
    home = _Home(namespace, shared)
    subjects = {direction: home.subject(spec, direction) for direction in Direction}
    rules = [rule for direction in Direction for rule in home.rules(spec, direction)]
    counting = _directions(spec)
    return Policy(
        MODULE.name,
        f"{namespace}/{name}",
        {direction: subjects[direction] for direction in Direction if direction in counting},
        tuple(rule for rule in rules if rule.direction in counting),
        document.origin,
        written(document, namespace, name),
        DEFAULT_TIER,
        ORDER,
        titles=_titles(namespace, name),
    )


def _titles(namespace: str, name: str) -> tuple[tuple[str, ...], ...]:
    """How it stands among Calico's policies of its order, by its own name or by that of its conversion (TI-3)."""
    converted = (f"{namespace}/knp.default.{name}",)
    return (name, namespace, MODULE.name), converted, converted


def _names(metadata: Part) -> tuple[str, str]:
    """Namespace (NP-3) and name."""
    namespace, name = metadata.text("namespace") or _DEFAULT_NAMESPACE, metadata.text("name")
    if not _POLICY_NAME.fullmatch(name) or len(name) > 253:
        problem = f"expected the policy's name, found {shown(name or None)}"
        raise metadata.fault("name", problem, "give it a name of lower case letters, digits, '-' and '.'")
    if not _NAMESPACE.fullmatch(namespace):
        problem = f"expected a namespace, found {shown(namespace)}"
        raise metadata.fault("namespace", problem, "a namespace has at most 63 lower case letters, digits and '-'")
    return namespace, name


def _directions(spec: Part) -> frozenset[Direction]:
    """The directions in which the policy isolates (NP-8 to NP-11)."""
    types = spec.texts("policyTypes")
    if len(types) > len(_TYPES):
        raise spec.fault("policyTypes", f"at most two entries, found {len(types)}", "name Ingress and Egress once each")
    for index, name in enumerate(types):
        if name not in _TYPES:
            problem = f"expected Ingress or Egress, found {shown(name or None)}"
            raise spec.fault(f"policyTypes[{index}]", problem, "name one of the two, with a capital letter")
    if types:
        return frozenset(_TYPES[name] for name in types)
    return frozenset(Direction) if spec.items("egress") else frozenset([Direction.INGRESS])


class _Home:
    """The namespace in which a policy lives, from which its selectors are read."""

    def __init__(self, namespace: str, shared: Shared) -> None:
        self._namespace = namespace
        self._shared = shared

    def subject(self, spec: Part, direction: Direction) -> Predicate:
        """The pods that the policy selects: of its own namespace only (NP-1, NP-2)."""
        end = _PROTECTED[direction]
        chosen = selector(spec.child("podSelector"), end, Scope.POD, self._shared)
        return self._shared.one(all_of(self._own_namespace(end), chosen))

    def rules(self, spec: Part, direction: Direction) -> Iterator[PolicyRule]:
        """The rules of one direction, each any of its peers on any of its ports (NP-40)."""
        for index, rule in enumerate(spec.parts(direction.value)):
            only_fields(rule, "ports", _PEERS[direction])
            (narrow, *wider), (ports, *further) = self._peers(rule, direction), _ports(rule, self._shared)
            wide = tuple(
                Reading(frozenset(filter(None, (block, name))), peer, port)
                for block, peer in (narrow, *wider)
                for name, port in (ports, *further)
                if block or name
            )
            text = f"{direction.value}[{index}]"
            yield PolicyRule(direction, narrow[1], ports[1], Action.ALLOW, rule.origin, text, wide)

    def _peers(self, rule: Part, direction: Direction) -> list[_Reading]:
        """Any of the peers (NP-15); without peers, every address there is (NP-14). The narrowest reading comes first."""
        peers = [self._peer(peer, direction) for peer in rule.parts(_PEERS[direction])]
        if not peers:
            return [("", TRUE)]
        narrow = [each.narrow if isinstance(each, Block) else each for each in peers]
        wide = [each.wide if isinstance(each, Block) else each for each in peers]
        found = [("", self._shared.one(any_of(*narrow)))]
        if narrow != wide:
            found.append((BLOCK_HOST_BITS, self._shared.one(any_of(*wide))))
        return found

    def _peer(self, peer: Part, direction: Direction) -> Predicate | Block:
        """A block of addresses, or pods by their labels and their namespace's (NP-16 to NP-21)."""
        only_fields(peer, "podSelector", "namespaceSelector", "ipBlock")
        end = End.SOURCE if direction is Direction.INGRESS else End.DESTINATION
        block, pods, namespaces = peer.part("ipBlock"), peer.part("podSelector"), peer.part("namespaceSelector")
        if block is None and pods is None and namespaces is None:
            problem = "a peer with no field means nothing"
            raise peer.fault("", problem, "give it ipBlock, podSelector or namespaceSelector, or remove it")
        if block is not None:
            if pods is not None or namespaces is not None:
                raise peer.fault("ipBlock", "ipBlock stands together with a selector", "write two peers")
            return ip_block(block, Field.SOURCE if end is End.SOURCE else Field.DESTINATION)
        home = self._own_namespace(end) if namespaces is None else selected_namespaces(namespaces, end, self._shared)
        chosen = TRUE if pods is None else selector(pods, end, Scope.POD, self._shared)
        return self._shared.one(all_of(home, chosen))

    def _own_namespace(self, end: End) -> Predicate:
        label = Label(end, Scope.NAMESPACE, NAMESPACE_NAME)
        return self._shared.one(LabelIn(label, frozenset([self._namespace])))


def _ports(rule: Part, shared: Shared) -> list[_Reading]:
    """Any of the ports (NP-40); without ports, everything (NP-39). The narrowest reading comes first."""
    ports = [shared.one(_port(port)) for port in rule.parts("ports")]
    return readings(ports, shared) if ports else [("", TRUE)]


def _port(port: Part) -> Predicate:
    """A protocol with all its ports, a range of them, or the port that the destination calls so (NP-41 to NP-47)."""
    only_fields(port, "protocol", "port", "endPort")
    number = protocol(port)
    first, last = port.entries.get("port"), port.number("endPort")
    if first is None or isinstance(first, str):
        if last is not None:
            raise port.fault(
                "endPort", "endPort needs a port that is a number", "give the first port of the range as port"
            )
        if first is None:
            return equals(Field.PROTOCOL, number)
        return PortNamed(number, port_name(port, "port", first), Declared.FIRST)
    first = port_number(port, "port", first)
    last = first if last is None else port_number(port, "endPort", last)
    if last < first:
        raise port.fault("endPort", f"{last} is below port {first}", "endPort is the last port of the range")
    return port_range(number, first, last)


MODULE = PolicyKind(
    name="NetworkPolicy",
    api="networking.k8s.io/v1",
    groups=("networking.k8s.io", "extensions"),
    summary="Kubernetes' own policy: pods of one namespace accept or open the connections that some rule allows",
    translate=translate,
    basic=True,
)
