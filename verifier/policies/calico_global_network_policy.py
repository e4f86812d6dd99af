"""GlobalNetworkPolicy of projectcalico.org: Calico's policy of the whole cluster, for pods and host endpoints.

Spec: specs/policies/calico_global_network_policy.md
"""

from __future__ import annotations

from verifier.model.document import Part
from verifier.model.policy import Direction, Policy
from verifier.policies.calico_fields import V3
from verifier.policies.calico_policy import CRD_API, GROUPS, SPEC, V3_API, named, policy, types
from verifier.policies.calico_rules import ENTITY, Home
from verifier.policies.kind import PolicyKind, Shared
from verifier.policies.selectors import only_fields

OF_HOSTS = ("doNotTrack", "preDNAT")
"""Flags that make a policy one of host endpoints only."""


def translate(document: Part, shared: Shared) -> Policy:
    """A GlobalNetworkPolicy in core form; InputError for the first fault that Calico would refuse."""
    only_fields(document, "apiVersion", "kind", "metadata", "spec")
    spec = document.child("spec")
    only_fields(spec, *SPEC, *OF_HOSTS, "applyOnForward", "namespaceSelector")
    _, name = named(document, namespaced=False)
    counting = types(spec, api=document.text("apiVersion"))
    return policy(MODULE.title, document, Home("", V3, ENTITY, shared), name, _of_pods(spec, counting))


def _of_pods(spec: Part, counting: frozenset[Direction]) -> frozenset[Direction]:
    """The directions in which the policy counts for pods: none before tracking or translation (GNP-4)."""
    flags = [key for key in OF_HOSTS if spec.flag(key)]
    if len(flags) > 1:
        raise spec.fault(flags[1], "a policy cannot be both doNotTrack and preDNAT", "write two policies")
    if flags and not spec.flag("applyOnForward"):
        raise spec.fault(flags[0], f"{flags[0]} needs applyOnForward: true", "set it, or remove the flag")
    if flags == ["preDNAT"] and (spec.items("egress") or "Egress" in spec.texts("types")):
        raise spec.fault("types", "a preDNAT policy has ingress only", "remove its egress rules and type")
    return frozenset() if flags else counting


MODULE = PolicyKind(
    name="GlobalNetworkPolicy",
    api=V3_API,
    groups=GROUPS,
    other_apis=(CRD_API,),
    title="Calico GlobalNetworkPolicy",
    summary="Calico's policy of the whole cluster: ordered rules that allow, deny or pass, in a tier",
    translate=translate,
)
