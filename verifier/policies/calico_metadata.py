"""What an object of Calico's calls itself: as it was given, which the form in the datastore keeps in an annotation.

Spec: specs/policies/calico_network_policy.md (CPO-2)
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from verifier.model.document import Part, shown

KEPT = "projectcalico.org/metadata"
"""The annotation of an object of crd.projectcalico.org that holds name and labels as the user gave them."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """Name and labels; the name is "" where the object has none."""

    name: str
    labels: dict[str, str]


def metadata(document: Part) -> Metadata:
    """The object's name and labels; InputError where the annotation is not what Calico writes."""
    part = document.child("metadata")
    text = part.text_map("annotations").get(KEPT, "")
    if not text:
        return Metadata(part.text("name"), part.text_map("labels"))
    try:
        kept = json.loads(text)
    except ValueError:
        kept = None
    labels = kept.get("labels") or {} if isinstance(kept, dict) else None
    name = kept.get("name") or part.text("name") if isinstance(kept, dict) else None
    if not isinstance(labels, dict) or not all(isinstance(each, str) for each in (name, *labels, *labels.values())):
        problem = f"expected the metadata that Calico keeps as JSON, found {shown(text)}"
        raise part.fault(f"annotations.{KEPT}", problem, "take the object as the API server prints it")
    return Metadata(str(name), {str(key): str(value) for key, value in labels.items()})
