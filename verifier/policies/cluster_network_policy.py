"""ClusterNetworkPolicy of policy.networking.k8s.io/v1alpha2: asked before every NetworkPolicy, or after.

Spec: specs/policies/cluster_network_policy.md
"""

from __future__ import annotations

from verifier.model.document import Part, shown
from verifier.model.fields import Field
from verifier.model.policy import Action, Policy
from verifier.model.predicate import Predicate, equals
from verifier.policies.admin_network_policy import GROUP, named
from verifier.policies.administrative import Format, policy, priority
from verifier.policies.kind import PolicyKind, Shared
from verifier.policies.ports import PROTOCOLS, port_number, port_range
from verifier.policies.selectors import only_fields
from verifier.policies.tiers import ADMIN_TIER, BASELINE_TIER

_MOST = 25
_TIERS = {"Admin": ADMIN_TIER, "Baseline": BASELINE_TIER}
_FIELDS = {name.lower(): number for name, number in PROTOCOLS.items()}


def translate(document: Part, shared: Shared) -> Policy:
    """A ClusterNetworkPolicy in core form; InputError for the first fault that the API server would refuse."""
    only_fields(document, "apiVersion", "kind", "metadata", "spec", "status")
    spec = document.child("spec")
    only_fields(spec, "tier", "priority", "subject", "ingress", "egress")
    tier = _TIERS.get(spec.text("tier"))
    if tier is None:
        problem = f"expected Admin or Baseline, found {shown(spec.text('tier') or None)}"
        raise spec.fault("tier", problem, "name one of the two, with a capital letter")
    return policy(document, shared, _FORMAT, tier, priority(spec))


def _port(entry: Part) -> list[Predicate]:
    """A protocol with all its ports, one or a range of them, or what the destination calls so (CNP-13, CNP-14)."""
    only_fields(entry, *_FIELDS, "destinationNamedPort")
    if len(entry.entries) != 1:
        fields = f"{', '.join(_FIELDS)} or destinationNamedPort"
        raise entry.fault("", "a protocol has exactly one field", f"give it {fields}")
    if "destinationNamedPort" in entry.entries:
        return named(entry, "destinationNamedPort")
    [name] = entry.entries
    protocol, number = entry.child(name), _FIELDS[name]
    only_fields(protocol, "destinationPort")
    port = protocol.part("destinationPort")
    if port is None:
        return [equals(Field.PROTOCOL, number)]
    only_fields(port, "number", "range")
    if len(port.entries) != 1:
        raise port.fault("", "a port has exactly one field", "give it number or range")
    span = port.part("range")
    if span is None:
        only = port_number(port, "number", port.entries.get("number"))
        return [port_range(number, only, only)]
    only_fields(span, "start", "end")
    first, last = (port_number(span, key, span.entries.get(key)) for key in ("start", "end"))
    if first >= last:
        raise span.fault("start", f"{first} is not below {last}", "a range has at least two ports; give a number")
    return [port_range(number, first, last)]


_FORMAT = Format(
    {"Accept": Action.ALLOW, "Deny": Action.DENY, "Pass": Action.PASS},
    _MOST,
    "protocols",
    "destinationNamedPort",
    _port,
)

MODULE = PolicyKind(
    name="ClusterNetworkPolicy",
    api=f"{GROUP}/v1alpha2",
    groups=(GROUP,),
    summary="a policy for the whole cluster: accepts, denies or passes on before NetworkPolicies, or where none isolates",
    translate=translate,
)
