"""policy of calicoctl's first API (apiVersion v1): of the whole cluster, as `calicoctl get policy -o yaml` printed it.

Spec: specs/policies/calico_v1_policy.md
"""

from __future__ import annotations

from dataclasses import replace

from verifier.model.document import Part, shown
from verifier.model.policy import Direction, Policy
from verifier.policies.calico_fields import V1
from verifier.policies.calico_policy import policy, types
from verifier.policies.calico_rules import OLD_ENTITY, Home
from verifier.policies.kind import PolicyKind, Shared
from verifier.policies.selectors import only_fields

SPEC = ("doNotTrack", "egress", "ingress", "order", "preDNAT", "selector", "types")
TYPES = {"ingress": Direction.INGRESS, "egress": Direction.EGRESS}
CONVERTED = ("knp.default.", "np.projectcalico.org/")
"""How names of converted NetworkPolicies begin, before namespace and name."""


def translate(document: Part, shared: Shared) -> Policy:
    """A v1 policy in core form; InputError for the first fault that calicoctl would refuse."""
    only_fields(document, "apiVersion", "kind", "metadata", "spec")
    metadata, spec = document.child("metadata"), document.child("spec")
    only_fields(spec, *SPEC)
    name = metadata.text("name")
    if not name:
        problem = f"expected the policy's name, found {shown(None)}"
        raise metadata.fault("name", problem, "give the policy its name")
    counting = types(spec, api=MODULE.api, words=TYPES)
    if spec.flag("doNotTrack") or spec.flag("preDNAT"):
        counting = frozenset()
    made = policy(MODULE.title, document, Home("", V1, OLD_ENTITY, shared), name, counting)
    return replace(made, converted=_converted(name), titles=((name, "", ""), (name,), (name,)))


def _converted(name: str) -> str:
    for prefix in CONVERTED:
        namespace, dot, rest = name.removeprefix(prefix).partition(".")
        if name.startswith(prefix) and dot:
            return f"{namespace}/{rest}"
    return ""


MODULE = PolicyKind(
    name="policy",
    api="v1",
    groups=("",),
    title="Calico policy",
    summary="Calico's policy of its first releases: ordered rules over the labels of all endpoints of the cluster",
    translate=translate,
)
