"""NetworkPolicy of projectcalico.org: Calico's own, of one namespace, in its tier.

Spec: specs/policies/calico_network_policy.md
"""

from __future__ import annotations

from verifier.model.document import Part
from verifier.model.policy import Policy
from verifier.policies.calico_fields import V3
from verifier.policies.calico_policy import CRD_API, GROUPS, SPEC, V3_API, named, policy, types
from verifier.policies.calico_rules import ENTITY, Home
from verifier.policies.kind import PolicyKind, Shared
from verifier.policies.selectors import only_fields


def translate(document: Part, shared: Shared) -> Policy:
    """A Calico NetworkPolicy in core form; InputError for the first fault that Calico would refuse."""
    only_fields(document, "apiVersion", "kind", "metadata", "spec")
    spec = document.child("spec")
    only_fields(spec, *SPEC)
    namespace, name = named(document, namespaced=True)
    return policy(
        MODULE.title, document, Home(namespace, V3, ENTITY, shared), name, types(spec, api=document.text("apiVersion"))
    )


MODULE = PolicyKind(
    name="NetworkPolicy",
    api=V3_API,
    groups=GROUPS,
    other_apis=(CRD_API,),
    title="Calico NetworkPolicy",
    summary="Calico's policy of one namespace: ordered rules that allow, deny or pass, in a tier",
    translate=translate,
)
