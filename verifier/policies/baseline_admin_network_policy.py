"""BaselineAdminNetworkPolicy of policy.networking.k8s.io/v1alpha1: asked where no NetworkPolicy isolates.

Spec: specs/policies/baseline_admin_network_policy.md (BANP-1, BANP-2)
"""

from __future__ import annotations

from dataclasses import replace

from verifier.model.document import Part, shown
from verifier.model.policy import Action, Policy
from verifier.policies.admin_network_policy import API, FORMAT, GROUP
from verifier.policies.administrative import policy, title
from verifier.policies.kind import PolicyKind, Shared
from verifier.policies.selectors import only_fields
from verifier.policies.tiers import BASELINE_TIER

_ONLY_NAME = "default"
_FORMAT = replace(FORMAT, actions={"Allow": Action.ALLOW, "Deny": Action.DENY})


def translate(document: Part, shared: Shared) -> Policy:
    """A BaselineAdminNetworkPolicy in core form; InputError for the first fault that the API server would refuse."""
    only_fields(document, "apiVersion", "kind", "metadata", "spec", "status")
    only_fields(document.child("spec"), "subject", "ingress", "egress")
    if title(document) != _ONLY_NAME:
        problem = f"expected {_ONLY_NAME!r}, found {shown(title(document))}"
        raise document.child("metadata").fault("name", problem, "a cluster has one, which is called so")
    return policy(document, shared, _FORMAT, BASELINE_TIER, 0)


MODULE = PolicyKind(
    name="BaselineAdminNetworkPolicy",
    api=API,
    groups=(GROUP,),
    summary="an administrator's defaults for the whole cluster: allows or denies where no NetworkPolicy isolates",
    translate=translate,
)
