"""StagedGlobalNetworkPolicy of projectcalico.org: a GlobalNetworkPolicy that is only tried out.

Spec: specs/policies/staged_global_network_policy.md
"""

from __future__ import annotations

from verifier.model.document import Part
from verifier.model.policy import Policy
from verifier.policies import calico_global_network_policy
from verifier.policies.calico_policy import CRD_API, GROUPS, V3_API
from verifier.policies.calico_staged import staged
from verifier.policies.kind import PolicyKind, Shared


def translate(document: Part, shared: Shared) -> Policy:
    """A StagedGlobalNetworkPolicy, which selects nothing; InputError for the first fault that Calico would refuse."""
    return staged(document, shared, MODULE.title, calico_global_network_policy.translate)


MODULE = PolicyKind(
    name="StagedGlobalNetworkPolicy",
    api=V3_API,
    groups=GROUPS,
    other_apis=(CRD_API,),
    title="Calico StagedGlobalNetworkPolicy",
    summary="a Calico GlobalNetworkPolicy that is only tried out, and decides nothing",
    translate=translate,
)
