"""What selectors ask of a pod by itself, for whoever needs no packet.

Spec: specs/policies/network_policy.md, specs/assumptions.md (AS-18)
"""

from __future__ import annotations

from functools import lru_cache

from verifier.model.cluster import Cluster, Pod
from verifier.model.fields import Field
from verifier.model.predicate import All, AnyOf, InRange, LabelIn, LabelText, Not, Predicate


def satisfied(selector: Predicate, pod: Pod, cluster: Cluster) -> bool:
    """Whether labels and an address of a pod are as a selector asks; TypeError where it asks for anything else."""
    match selector:
        case LabelIn(label, values):
            value = cluster.label(pod, label)
            return value is not None and (values is None or value in values)
        case LabelText(label, test, text):
            value = cluster.label(pod, label)
            return value is not None and test.holds(value, text)
        case InRange(Field.SOURCE | Field.DESTINATION, ranges, family):
            mine = [address for fam, address in pod.addresses.items() if family in (0, fam)]
            return any(first <= address <= last for address in mine for first, last in ranges)
        case All(parts):
            return all(satisfied(part, pod, cluster) for part in parts)
        case AnyOf(parts):
            return any(satisfied(part, pod, cluster) for part in parts)
        case Not(part):
            return not satisfied(part, pod, cluster)
        case _:
            raise TypeError(f"a selector of pods asks for {type(selector).__name__}")


@lru_cache(maxsize=8)
def speak_of_every_protocol(cluster: Cluster) -> bool:
    """Whether some policy that decides packets of every protocol selects a pod of the cluster (AS-18)."""
    if cluster.every_protocol:
        return True
    pods = [pod for pod in (*cluster.pods, *(each.pod for each in cluster.anywhere)) if pod.has_traffic]
    return any(
        satisfied(subject, pod, cluster)
        for tier in cluster.tiers
        for policy in tier.policies
        if policy.every_protocol
        for subject in policy.subjects.values()
        for pod in pods
    )
