"""Calico's objects that are no policies and change what policies mean: network sets.

Spec: specs/tiers.md
"""

from __future__ import annotations

from verifier.model.addresses import merge
from verifier.model.cluster import NetworkSet
from verifier.model.document import Part, shown
from verifier.model.predicate import Range
from verifier.policies.calico_fields import networks
from verifier.policies.calico_labels import ORCHESTRATOR
from verifier.policies.calico_metadata import metadata as called
from verifier.policies.calico_selector import NAMESPACE, SERVICE_ACCOUNT
from verifier.policies.selectors import only_fields

GLOBAL = "GlobalNetworkSet"
DEFAULT_NAMESPACE = "default"
RESERVED = (NAMESPACE, ORCHESTRATOR, SERVICE_ACCOUNT)
"""The labels that Calico itself gives to the endpoints of pods, and the first of them to network sets of namespaces."""


def read_network_set(document: Part) -> NetworkSet:
    """A NetworkSet or GlobalNetworkSet: its labels and its networks by family (TI-8)."""
    only_fields(document, "apiVersion", "kind", "metadata", "spec")
    metadata, spec = document.child("metadata"), document.child("spec")
    only_fields(spec, "nets")
    kept = called(document)
    name = kept.name
    if not name:
        raise metadata.fault("name", f"expected a name, found {shown(None)}", "name the set of networks")
    labels = own_labels(document, kept.labels)
    namespace = "" if document.text("kind") == GLOBAL else metadata.text("namespace") or DEFAULT_NAMESPACE
    held: dict[int, tuple[Range, ...]] = {family: merge(spans) for family, spans in networks(spec, ("nets",)).items()}
    return NetworkSet(document.text("kind"), namespace, name, labels, held, document.origin)


def own_labels(document: Part, labels: dict[str, str]) -> dict[str, str]:
    """The labels of what is no pod; InputError where one is among them that only Calico gives (CRO-6)."""
    for key in RESERVED:
        if key in labels:
            problem = f"{key} is a label that Calico gives, and no {document.text('kind')} has it of its own"
            raise document.child("metadata").fault("labels", problem, "remove the label")
    return labels
