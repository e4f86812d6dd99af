"""AdminNetworkPolicy of policy.networking.k8s.io/v1alpha1: asked before every NetworkPolicy.

Spec: specs/policies/admin_network_policy.md (ANP-1 to ANP-4)
"""

from __future__ import annotations

from verifier.model.document import Part
from verifier.model.policy import Action, Policy
from verifier.model.predicate import Declared, PortNamed, Predicate
from verifier.policies.administrative import Format, policy, priority
from verifier.policies.kind import PolicyKind, Shared
from verifier.policies.ports import PROTOCOLS, port_name, port_number, port_range, protocol
from verifier.policies.selectors import only_fields
from verifier.policies.tiers import ADMIN_TIER

_MOST = 100
GROUP = "policy.networking.k8s.io"
API = f"{GROUP}/v1alpha1"


def translate(document: Part, shared: Shared) -> Policy:
    """An AdminNetworkPolicy in core form; InputError for the first fault that the API server would refuse."""
    only_fields(document, "apiVersion", "kind", "metadata", "spec", "status")
    spec = document.child("spec")
    only_fields(spec, "priority", "subject", "ingress", "egress")
    return policy(document, shared, FORMAT, ADMIN_TIER, priority(spec))


def read_port(port: Part) -> list[Predicate]:
    """A port by its number, a range of them, or what the destination calls so in any protocol (ANP-2 to ANP-4)."""
    only_fields(port, "portNumber", "namedPort", "portRange")
    if len(port.entries) != 1:
        raise port.fault("", "a port has exactly one field", "give it portNumber, portRange or namedPort")
    number, span = port.part("portNumber"), port.part("portRange")
    if number is not None:
        only_fields(number, "protocol", "port")
        only = port_number(number, "port", number.entries.get("port"))
        return [port_range(protocol(number), only, only)]
    if span is None:
        return named(port, "namedPort")
    only_fields(span, "protocol", "start", "end")
    first, last = (port_number(span, key, span.entries.get(key)) for key in ("start", "end"))
    if last < first:
        raise span.fault("end", f"{last} is below {first}", "end is the last port of the range")
    return [port_range(protocol(span), first, last)]


def named(part: Part, key: str) -> list[Predicate]:
    """What the destination calls so, whatever the protocol."""
    name = port_name(part, key, part.text(key))
    return [PortNamed(number, name, Declared.FIRST) for number in PROTOCOLS.values()]


FORMAT = Format(
    {"Allow": Action.ALLOW, "Deny": Action.DENY, "Pass": Action.PASS}, _MOST, "ports", "namedPort", read_port
)

MODULE = PolicyKind(
    name="AdminNetworkPolicy",
    api=API,
    groups=(GROUP,),
    summary="an administrator's policy for the whole cluster: allows, denies or passes on before NetworkPolicies",
    translate=translate,
)
