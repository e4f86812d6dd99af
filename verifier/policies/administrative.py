"""What the kinds of policies for the whole cluster have in common: subjects, peers and rules that allow, deny or pass.

Spec: specs/policies/cluster_network_policy.md (CNP-1 to CNP-16)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from verifier.model.assumption import BLOCK_HOST_BITS, DOMAIN_NAMES, HOST_NETWORK_PODS
from verifier.model.document import Part, shown
from verifier.model.fields import NODE_ITSELF, End, Field, Label, Scope
from verifier.model.policy import Action, Direction, Policy, PolicyRule, Reading
from verifier.model.predicate import FALSE, TRUE, LabelIn, Predicate, all_of, any_of
from verifier.policies.cidr import Block, network
from verifier.policies.kind import Shared
from verifier.policies.ports import readings
from verifier.policies.selectors import only_fields, selected_namespaces, selector

_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
_WORD = r"[A-Za-z0-9](?:[-A-Za-z0-9_]*[A-Za-z0-9])?"
_DOMAIN_NAME = re.compile(rf"(?:\*\.)?(?:{_WORD}\.)+{_WORD}\.?")
_PROTECTED = {Direction.INGRESS: End.DESTINATION, Direction.EGRESS: End.SOURCE}
_PEERS = {Direction.INGRESS: "from", Direction.EGRESS: "to"}
_PODS = ("namespaces", "pods")
_KNOWN = {Direction.INGRESS: _PODS, Direction.EGRESS: (*_PODS, "nodes", "networks", "domainNames")}
_LONGEST_RULE_NAME = 100
_MOST_NETWORKS = 25
_HIGHEST_PRIORITY = 1000


@dataclass(frozen=True, slots=True)
class Format:
    """One version of the format: its words for actions, its limits, and its way to write ports.

    `most` rules, and `most` peers and ports in each. `ports` names the field of a rule for them, `port` reads one, as
    alternatives of which any matches; `named` is the field that gives a port by its name.
    """

    actions: Mapping[str, Action]
    most: int
    ports: str
    named: str
    port: Callable[[Part], list[Predicate]]


def title(document: Part) -> str:
    """The name of an object that belongs to no namespace."""
    metadata = document.child("metadata")
    name = metadata.text("name")
    if not _NAME.fullmatch(name) or len(name) > 253:
        problem = f"expected the policy's name, found {shown(name or None)}"
        raise metadata.fault("name", problem, "give it a name of lower case letters, digits, '-' and '.'")
    if metadata.text("namespace"):
        raise metadata.fault("namespace", f"a {document.text('kind')} belongs to no namespace", "remove the namespace")
    return name


def priority(spec: Part) -> int:
    """The priority of a policy, of which lower ones come first (CNP-2)."""
    found = spec.number("priority")
    if found is None or not 0 <= found <= _HIGHEST_PRIORITY:
        raise spec.fault("priority", f"expected 0 to {_HIGHEST_PRIORITY}, found {shown(found)}", "give it a priority")
    return found


def policy(document: Part, shared: Shared, form: Format, tier: str, order: int) -> Policy:
    """A policy for the whole cluster in core form; InputError for the first fault that the API server would refuse.

    It counts in the directions in which it has rules (CNP-5).
    """
    name, spec = title(document), document.child("spec")
    reader = _Reader(form, shared)
    subjects = {direction: reader.subject(spec, direction) for direction in Direction}
    rules = [rule for direction in Direction for rule in reader.rules(spec, direction)]
    counting = {rule.direction for rule in rules}
    return Policy(
        document.text("kind"),
        name,
        {direction: subjects[direction] for direction in Direction if direction in counting},
        tuple(rules),
        document.origin,
        tier=tier,
        order=order,
        every_protocol=True,
        notes=tuple(f"{document.text('kind')} {name} ({document.origin}): {note}" for note in reader.notes),
    )


class _Reader:
    """Reads one policy; `notes` say which of its rules fail closed."""

    def __init__(self, form: Format, shared: Shared) -> None:
        self._form = form
        self._shared = shared
        self.notes: list[str] = []

    def subject(self, spec: Part, direction: Direction) -> Predicate:
        """The pods that the policy selects, in all namespaces (CNP-8)."""
        subject = spec.child("subject")
        if _one_of(subject, _PODS, "subject") is None:
            raise subject.fault("", "a subject with no field selects nothing", "give it namespaces or pods")
        return self._pods(subject, _PROTECTED[direction])

    def rules(self, spec: Part, direction: Direction) -> Iterator[PolicyRule]:
        """The rules of one direction in their order (CNP-2)."""
        rules = _few(spec, direction.value, self._form.most)
        for index, rule in enumerate(spec.parts(direction.value) if rules else ()):
            only_fields(rule, "name", "action", _PEERS[direction], self._form.ports)
            if len(rule.text("name")) > _LONGEST_RULE_NAME:
                raise rule.fault("name", f"longer than {_LONGEST_RULE_NAME} characters", "give it a shorter name")
            yield self._rule(rule, direction, self._action(rule), f"{direction.value}[{index}]")

    def _action(self, rule: Part) -> Action:
        name = rule.text("action")
        found = self._form.actions.get(name)
        if found is None:
            *others, last = self._form.actions
            problem = f"expected {', '.join(others)} or {last}, found {shown(name or None)}"
            raise rule.fault("action", problem, "name one of these actions, with a capital letter")
        return found

    def _rule(self, rule: Part, direction: Direction, action: Action, text: str) -> PolicyRule:
        field, ports = _PEERS[direction], self._ports(rule)
        if not _few(rule, field, self._form.most):
            raise rule.fault(field, "at least one peer is needed", "name the peers, or remove the rule")
        kinds = {_one_of(peer, _KNOWN[direction], "peer") for peer in rule.parts(field)}
        if kinds - {*_PODS, None} and self._named(rule):
            problem = "a port by its name stands together with a peer that has no named ports"
            raise rule.fault(self._form.ports, problem, "give the port's number, or write two rules")
        if "domainNames" in kinds and action is not Action.ALLOW:
            raise rule.fault(field, "domainNames stands in a rule that does not accept", "name networks instead")
        peers = self._peers(rule, direction)
        settled = frozenset([HOST_NETWORK_PODS])
        if None in kinds:
            allows = action is Action.ALLOW
            fate = "matches nothing" if allows else "denies everything"
            self.notes.append(f"{text} has a peer with no field that is known, so the rule {fate}")
            peer, action = (FALSE, action) if allows else (TRUE, Action.DENY)
            return PolicyRule(direction, peer, TRUE, action, rule.origin, text, (), settled)
        wide = tuple(
            Reading(frozenset(filter(None, (need, name))), peer, port)
            for need, peer in peers
            for name, port in ports
            if need or name
        )
        return PolicyRule(direction, peers[0][1], ports[0][1], action, rule.origin, text, wide, settled)

    def _ports(self, rule: Part) -> list[tuple[str, Predicate]]:
        """Any of the ports, the narrowest reading of their names first; without any, every packet (CNP-13)."""
        field = self._form.ports
        entries = list(rule.parts(field)) if _few(rule, field, self._form.most) else []
        found = [self._shared.one(each) for entry in entries for each in self._form.port(entry)]
        return readings(found, self._shared) if found else [("", TRUE)]

    def _named(self, rule: Part) -> bool:
        """Whether the rule gives a port by its name."""
        return any(self._form.named in entry.entries for entry in rule.parts(self._form.ports))

    def _peers(self, rule: Part, direction: Direction) -> list[tuple[str, Predicate]]:
        """Any of the known peers; the narrowest reading comes first (CNP-9 to CNP-12)."""
        end = End.SOURCE if direction is Direction.INGRESS else End.DESTINATION
        narrow: list[Predicate] = []
        wide: list[Predicate] = []
        names = False
        for peer in rule.parts(_PEERS[direction]):
            known = frozenset(peer.entries) & frozenset(_KNOWN[direction])
            if known & frozenset(_PODS):
                narrow.append(self._pods(peer, end))
                wide.append(narrow[-1])
            elif "nodes" in known:
                narrow.append(self._nodes(peer, end))
                wide.append(narrow[-1])
            elif "networks" in known:
                blocks = list(_networks(peer))
                narrow += [block.narrow for block in blocks]
                wide += [block.wide for block in blocks]
            elif known:
                _check_domains(peer)
                names = True
        found = [("", self._shared.one(any_of(*narrow)))]
        if narrow != wide:
            found.append((BLOCK_HOST_BITS, self._shared.one(any_of(*wide))))
        return [*found, (DOMAIN_NAMES, TRUE)] if names else found

    def _pods(self, part: Part, end: End) -> Predicate:
        """Pods of the selected namespaces, or among them those that a second selector selects (CNP-9)."""
        pods = part.part("pods")
        if pods is None:
            return self._shared.one(selected_namespaces(part.child("namespaces"), end, self._shared))
        only_fields(pods, "namespaceSelector", "podSelector")
        if pods.part("podSelector") is None:
            raise pods.fault("podSelector", "expected a selector, found nothing", "write {} to select all pods")
        home = selected_namespaces(pods.child("namespaceSelector"), end, self._shared)
        return self._shared.one(all_of(home, selector(pods.child("podSelector"), end, Scope.POD, self._shared)))

    def _nodes(self, peer: Part, end: End) -> Predicate:
        """The addresses of the selected nodes (CNP-11)."""
        is_node = self._shared.one(LabelIn(Label(end, Scope.NODE, NODE_ITSELF), None))
        return self._shared.one(all_of(is_node, selector(peer.child("nodes"), end, Scope.NODE, self._shared)))


def _few(part: Part, key: str, most: int) -> int:
    """How many items a list has, which has a longest length."""
    found = len(part.items(key))
    if found > most:
        raise part.fault(key, f"at most {most} are allowed, found {found}", "divide it among several")
    return found


def _one_of(part: Part, known: tuple[str, ...], what: str) -> str | None:
    """The one field of a part that is known; None where it has none, whatever else it has (CNP-15)."""
    given = [key for key in known if part.entries.get(key) is not None]
    if given and len(part.entries) > 1:
        problem = f"a {what} has exactly one field, found {', '.join(part.entries)}"
        raise part.fault("", problem, f"write each as a {what} of its own")
    return given[0] if given else None


def _networks(peer: Part) -> Iterator[Block]:
    """Networks of either family, at least one (CNP-10)."""
    if not _few(peer, "networks", _MOST_NETWORKS):
        raise peer.fault("networks", "at least one network is needed", "list the networks, like 10.0.0.0/8")
    for index, text in enumerate(peer.texts("networks")):
        if ":" in text and "." in text:
            problem = f"{shown(text)} is an IPv4 address within IPv6"
            raise peer.fault(f"networks[{index}]", problem, "write either family by itself, like 10.0.0.0/8")
        yield network(peer, f"networks[{index}]", text, Field.DESTINATION)


def _check_domains(peer: Part) -> None:
    """Names of domains, at least one; whose addresses they are is nowhere written (CNP-12)."""
    if not _few(peer, "domainNames", _MOST_NETWORKS):
        raise peer.fault("domainNames", "at least one name is needed", "list the names, like *.example.org")
    for index, text in enumerate(peer.texts("domainNames")):
        if not _DOMAIN_NAME.fullmatch(text):
            problem = f"expected the name of a domain, found {shown(text or None)}"
            raise peer.fault(f"domainNames[{index}]", problem, "write it like example.org, or *.example.org")
