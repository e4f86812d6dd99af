"""Rules that name a Service as their peer, with the endpoints that it has.

Spec: specs/policies/calico_network_policy.md (CPO-20)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from verifier.model.addresses import merge
from verifier.model.assumption import SERVICE_ENDPOINTS
from verifier.model.cluster import EndpointSlice
from verifier.model.fields import Field
from verifier.model.policy import Direction, Policy, PolicyRule, Reading
from verifier.model.predicate import InRange, Predicate, all_of, any_of, equals


def with_services(policy: Policy, slices: Sequence[EndpointSlice]) -> Policy:
    """The policy with endpoints in place of Services; as it is where no endpoints of any Service were read."""
    if not slices or not any(rule.service for rule in policy.rules):
        return policy
    return replace(policy, rules=tuple(_resolved(rule, slices) if rule.service else rule for rule in policy.rules))


def _resolved(rule: PolicyRule, slices: Iterable[EndpointSlice]) -> PolicyRule:
    """The rule without the assumption; its reading that then needs no other is what it says."""
    own = [each for each in slices if f"{each.namespace}/{each.service}" == rule.service]
    endpoints = any_of(*(part for each in own for part in _endpoints(each, rule.direction)))
    readings = [
        Reading(each.needs - {SERVICE_ENDPOINTS}, each.peer, all_of(each.ports, endpoints)) for each in rule.readings
    ]
    plain = [each for each in readings if not each.needs]
    wider = tuple(each for each in readings if each.needs)
    if not plain:
        return replace(rule, readings=wider, service="")
    return replace(rule, peer=plain[0].peer, ports=plain[0].ports, readings=wider, service="")


def _endpoints(each: EndpointSlice, direction: Direction) -> Iterator[Predicate]:
    """Who is an endpoint: a source by its address, a destination by its address and port."""
    field = Field.SOURCE if direction is Direction.INGRESS else Field.DESTINATION
    ports = [
        all_of(equals(Field.PROTOCOL, protocol), equals(Field.DESTINATION_PORT, number))
        for protocol, number in each.ports
    ]
    for family in (4, 6):
        held = merge((address, address) for known, address in each.addresses if known == family)
        if held:
            among = InRange(field, held, family)
            yield among if direction is Direction.INGRESS else all_of(among, any_of(*ports))
