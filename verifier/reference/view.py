"""What the reference needs to know of one node and its cluster, put together once per node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from verifier.model.assumption import FINISHED_PODS, HOST_NETWORK_PODS
from verifier.model.cluster import Cluster, Pod
from verifier.model.ipset import IpSet
from verifier.model.node import NodeState
from verifier.model.policy import Direction, Policy
from verifier.model.predicate import Range
from verifier.model.profile import Bridge
from verifier.reference.addresses import AddressTypes, address_types
from verifier.reference.index import SetIndex
from verifier.reference.networks import networks_of

Selection: TypeAlias = tuple[int, Direction, int, int]
"""A tier's place, a direction, and the family and address of the end that is protected in it."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One node of a cluster.

    `sets` is None where the dump has no ipset-save. `pods` holds every address of a pod whose traffic policies can
    see, as (family, address); `local` those of them on this node; `translates` says per family whether the node's rules
    give packets other destinations. `bridge` is the one whose ports they are, where that is known, `networks` by family
    what it reaches without a router. `guests` are pods that only some plug-ins take for pods, by the addresses that no
    other pod has, each with the assumption that says so (AS-10, AS-11). `readings` (the node with policies that are read otherwise), `indexes` and
    `selections` remember what was worked
    out for earlier packets and never change an answer.
    """

    node: str
    cluster: Cluster
    sets: Mapping[str, IpSet] | None
    types: AddressTypes
    pods: Mapping[tuple[int, int], Pod]
    local: frozenset[tuple[int, int]]
    translates: Mapping[int, bool] = field(default_factory=dict)
    bridge: Bridge | None = None
    networks: Mapping[int, tuple[Range, ...]] = field(default_factory=dict)
    guests: Mapping[tuple[int, int], tuple[tuple[str, Pod], ...]] = field(default_factory=dict)
    readings: dict[tuple[int, ...], View] = field(default_factory=dict)
    indexes: dict[int, SetIndex] = field(default_factory=dict)
    selections: dict[Selection, tuple[tuple[Policy, ...], tuple[str, ...]]] = field(default_factory=dict)


def view_of(node: NodeState, cluster: Cluster, bridge: Bridge | None = None) -> View:
    """The view of a node. Where two pods claim one address, the first in the cluster's order has it."""
    pods: dict[tuple[int, int], Pod] = {}
    local: set[tuple[int, int]] = set()
    for pod in cluster.pods:
        if not pod.has_traffic:
            continue
        for end in pod.addresses.items():
            if pods.setdefault(end, pod) is pod and pod.node == node.name:
                local.add(end)
    translates = {family: ruleset.translates for family, ruleset in node.rulesets.items()}
    types, networks = address_types(node, cluster), networks_of(node, bridge)
    return View(
        node.name,
        cluster,
        node.sets,
        types,
        pods,
        frozenset(local),
        translates,
        bridge,
        networks,
        _guests(cluster, pods),
    )


def _guests(
    cluster: Cluster, pods: Mapping[tuple[int, int], Pod]
) -> dict[tuple[int, int], tuple[tuple[str, Pod], ...]]:
    found: dict[tuple[int, int], tuple[tuple[str, Pod], ...]] = {}
    for pod in cluster.pods:
        assumptions = [
            name for name, has in ((HOST_NETWORK_PODS, pod.host_network), (FINISHED_PODS, pod.finished)) if has
        ]
        for end in pod.addresses.items() if len(assumptions) == 1 else ():
            if end not in pods:
                found[end] = (*found.get(end, ()), (assumptions[0], pod))
    return found
