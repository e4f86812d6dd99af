"""The rules of Calico's policies in core form, for both of its API versions.

Spec: specs/policies/calico_network_policy.md (CPO-6 to CPO-20)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from verifier.model.assumption import HTTP_REQUESTS, SERVICE_ENDPOINTS, SIDECAR_PORTS
from verifier.model.document import Part
from verifier.model.fields import NAMESPACE_NAME, SERVICE_ACCOUNT_NAME, End, Field, Label, Scope
from verifier.model.policy import Action, Direction, PolicyRule, Reading
from verifier.model.predicate import (
    FALSE,
    TRUE,
    Declared,
    InRange,
    LabelIn,
    PortNamed,
    Predicate,
    Thing,
    all_of,
    any_of,
    negate,
)
from verifier.policies.calico_fields import WITH_PORTS, Wording, about, action, family_of, networks, of_family, ports
from verifier.policies.calico_fields import protocol as protocol_of
from verifier.policies.calico_labels import meaning
from verifier.policies.calico_selector import of_namespaces, of_service_accounts, selector_of
from verifier.policies.kind import Shared
from verifier.policies.selectors import only_fields

RULE = (
    "action", "destination", "http", "icmp", "ipVersion", "metadata", "notICMP", "notProtocol", "protocol", "source",
)  # fmt: skip
ENTITY = (
    "namespaceSelector", "nets", "notNets", "notPorts", "notSelector", "ports", "selector", "serviceAccounts",
    "services",
)  # fmt: skip
OLD_ENTITY = ("net", "nets", "notNet", "notNets", "notPorts", "notSelector", "ports", "selector")
PEER = {Direction.INGRESS: ("source", End.SOURCE), Direction.EGRESS: ("destination", End.DESTINATION)}
OWN = {Direction.INGRESS: ("destination", End.DESTINATION), Direction.EGRESS: ("source", End.SOURCE)}
ADDRESS = {End.SOURCE: Field.SOURCE, End.DESTINATION: Field.DESTINATION}
PORT = {End.SOURCE: Field.SOURCE_PORT, End.DESTINATION: Field.DESTINATION_PORT}


@dataclass(frozen=True, slots=True)
class Home:
    """Where a policy's rules are read: its namespace ("" for none), its API's words, the fields of a rule's ends."""

    namespace: str
    wording: Wording
    entity: tuple[str, ...]
    shared: Shared


@dataclass(frozen=True, slots=True)
class _Entity:
    """What a rule asks of one end: surely, and where ports that only sidecars declare may count (AS-9)."""

    surely: Predicate
    perhaps: Predicate
    families: frozenset[int]
    services: bool
    service: str


def rules(spec: Part, direction: Direction, home: Home) -> Iterator[PolicyRule]:
    """The rules of one direction that decide anything, in order (CPO-6)."""
    for index, part in enumerate(spec.parts(direction.value)):
        made = _rule(part, direction, f"{direction.value}[{index}]", home)
        if made is not None:
            yield made


def _rule(part: Part, direction: Direction, text: str, home: Home) -> PolicyRule | None:
    only_fields(part, *RULE)
    does = action(part, home.wording)
    tested = about(part, home.wording)
    protocol = protocol_of(part, "protocol", home.wording)
    peer, own = (_entity(part, *ends[direction], protocol, home) for ends in (PEER, OWN))
    family = family_of(part, iter(sorted(peer.families | own.families)))
    if family:
        tested.append(of_family(family))
    requests = _requests(part, direction, does)
    if own.services:
        name = OWN[direction][0]
        raise part.child(name).fault("services", "a rule names Services as its peer only", "move it to the other end")
    if does is None:
        return None
    one = home.shared.one
    narrow = one(peer.surely), one(all_of(*tested, own.surely))
    wide = one(peer.perhaps), one(all_of(*tested, own.perhaps))
    needs = frozenset([HTTP_REQUESTS] * requests + [SERVICE_ENDPOINTS] * peer.services)
    readings = [Reading(needs, *narrow)] if needs else []
    if wide != narrow:
        readings.append(Reading(needs | {SIDECAR_PORTS}, *wide))
    if needs:
        narrow = FALSE, FALSE
    return PolicyRule(direction, *narrow, does, part.origin, text, tuple(readings), service=peer.service)


def _requests(part: Part, direction: Direction, does: Action | None) -> bool:
    """Whether a rule is for some requests of HTTP only, which no packet tells by itself (CPO-19)."""
    http = part.part("http")
    if http is None:
        return False
    only_fields(http, "methods", "paths")
    if not (http.items("methods") or http.items("paths")):
        return False
    if does is not Action.ALLOW or direction is not Direction.INGRESS:
        raise part.fault("http", "only ingress rules that allow can name requests", "remove http, or allow")
    return True


def _entity(part: Part, name: str, end: End, protocol: int | None, home: Home) -> _Entity:
    entity = part.child(name)
    only_fields(entity, *home.entity)
    services, service = _services(entity), entity.child("services")
    named = f"{service.text('namespace')}/{service.text('name')}" if service.text("namespace") else ""
    tests, scope = _things(entity, end, home)
    within, without = networks(entity, ("net", "nets")), networks(entity, ("notNet", "notNets"))
    field = ADDRESS[end]
    if within:
        tests.append(any_of(*(InRange(field, tuple(spans), family) for family, spans in within.items())))
    tests += [negate(InRange(field, tuple(spans), family)) for family, spans in without.items()]
    surely, perhaps = (_ports(entity, end, protocol, scope, sure=sure) for sure in (True, False))
    return _Entity(all_of(*tests, surely), all_of(*tests, perhaps), frozenset([*within, *without]), services, named)


def _services(entity: Part) -> bool:
    found = entity.part("services")
    if found is None:
        return False
    only_fields(found, "name", "namespace")
    if not found.text("name"):
        raise found.fault("name", "expected the name of a Service, found nothing", "name the Service")
    beside = [key for key in ENTITY if key != "services" and entity.entries.get(key)]
    if beside:
        raise entity.fault(beside[0], f"{beside[0]} stands together with services", "write two rules")
    return True


def _things(entity: Part, end: End, home: Home) -> tuple[list[Predicate], Predicate]:
    """The test of the things at one end, and what it asks of the thing that declares a port (CPO-15 to CPO-17)."""
    chosen, excluded = selector_of(entity, "selector"), selector_of(entity, "notSelector")
    spaces, accounts = selector_of(entity, "namespaceSelector"), _accounts(entity, end)
    parts: list[Predicate] = []
    if spaces is not None:
        parts.append(meaning(of_namespaces(spaces), end))
    elif home.namespace and (chosen or excluded or accounts):
        parts.append(LabelIn(Label(end, Scope.NAMESPACE, NAMESPACE_NAME), frozenset([home.namespace])))
    parts += accounts
    if chosen is not None:
        parts.append(meaning(chosen, end))
    without = negate(meaning(excluded, end)) if excluded is not None else TRUE
    if not parts:
        return ([negate(Thing(end, negate(without)))], without) if excluded is not None else ([], TRUE)
    asked = all_of(*parts, without)
    return [Thing(end, asked)], asked


def _accounts(entity: Part, end: End) -> list[Predicate]:
    found = entity.part("serviceAccounts")
    if found is None:
        return []
    only_fields(found, "names", "selector")
    chosen, names = selector_of(found, "selector"), found.texts("names")
    asked = [meaning(of_service_accounts(chosen), end)] if chosen is not None else []
    if names:
        asked.append(LabelIn(Label(end, Scope.SERVICE_ACCOUNT, SERVICE_ACCOUNT_NAME), frozenset(names)))
    return asked


def _ports(entity: Part, end: End, protocol: int | None, scope: Predicate, *, sure: bool) -> Predicate:
    """The ports of one end; a name means the ports that the selected things declare so (CPO-11, CPO-18)."""
    tests: list[Predicate] = []
    for key in ("ports", "notPorts"):
        counting = (Declared.REGULAR,) if sure is (key == "ports") else (Declared.REGULAR, Declared.SIDECAR)
        numbers, names = ports(entity, key)
        if not numbers and not names:
            continue
        if protocol not in WITH_PORTS:
            raise entity.fault(key, "ports need the protocol TCP, UDP or SCTP", "name the protocol of the rule")
        found: list[Predicate] = [InRange(PORT[end], numbers)] if numbers else []
        found += [
            Thing(end, all_of(scope, PortNamed(protocol, name, declared, end)))
            for name in names
            for declared in counting
        ]
        tests.append(negate(any_of(*found), key == "notPorts"))
    return all_of(*tests)
