"""Calico's objects that are no policies and change what policies mean: network sets.

Spec: specs/tiers.md
"""

from __future__ import annotations

from verifier.model.addresses import merge
from verifier.model.cluster import NetworkSet
from verifier.model.document import Part, shown
from verifier.model.predicate import Range
from verifier.policies.calico_fields import networks
from verifier.policies.calico_metadata import metadata as called
from verifier.policies.calico_selector import NAMESPACE
from verifier.policies.selectors import only_fields

GLOBAL = "GlobalNetworkSet"
_DEFAULT_NAMESPACE = "default"


def read_network_set(document: Part) -> NetworkSet:
    """A NetworkSet or GlobalNetworkSet: its labels and its networks by family (TI-8)."""
    only_fields(document, "apiVersion", "kind", "metadata", "spec")
    metadata, spec = document.child("metadata"), document.child("spec")
    only_fields(spec, "nets")
    kept = called(document)
    name, labels = kept.name, kept.labels
    if not name:
        raise metadata.fault("name", f"expected a name, found {shown(None)}", "name the set of networks")
    if NAMESPACE in labels:
        problem = f"a set of networks cannot carry {NAMESPACE} itself"
        raise metadata.fault("labels", problem, "remove the label; a NetworkSet has that of its namespace")
    namespace = "" if document.text("kind") == GLOBAL else metadata.text("namespace") or _DEFAULT_NAMESPACE
    held: dict[int, tuple[Range, ...]] = {family: merge(spans) for family, spans in networks(spec, ("nets",)).items()}
    return NetworkSet(document.text("kind"), namespace, name, labels, held, document.origin)
