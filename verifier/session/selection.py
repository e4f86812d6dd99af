"""Which nodes and pods a command is about, and what to say where that is none.

Spec: specs/questions/verify.md
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from verifier.model.node import NodeState
from verifier.model.options import Probe, VerifyOptions
from verifier.model.origin import InputError, Origin
from verifier.model.snapshot import Snapshot

LISTED = 8
"""How many names an error lists."""


def selected(snapshot: Snapshot, options: VerifyOptions) -> tuple[NodeState, ...]:
    """The nodes to verify, after checking that the selection leaves something to ask."""
    check_usable(snapshot, "verify")
    nodes = chosen_nodes(snapshot, options.nodes)
    names = {node.name for node in nodes}
    local = {pod.full_name: pod for pod in snapshot.cluster.pods if pod.has_traffic and pod.node in names}
    for name in options.pods:
        if name not in local:
            raise _no_such_pod(snapshot, name, sorted(local))
    if not local:
        raise _nothing_local(snapshot, sorted(names))
    asked = [local[name] for name in options.pods] or list(local.values())
    if options.families and not any(family in pod.addresses for pod in asked for family in options.families):
        families = " or ".join(f"IPv{family}" for family in options.families)
        raise InputError(
            Origin(snapshot.path), f"none of the pods has an {families} address", "choose the other --family"
        )
    if options.pods:
        hosts = {pod.node for pod in asked}
        return tuple(node for node in nodes if node.name in hosts)
    return nodes


def check_usable(snapshot: Snapshot, command: str) -> None:
    """InputError where there is nothing that the command could be about."""
    origin = Origin(snapshot.path)
    if not snapshot.nodes:
        remedy = "add nodes/NAME/iptables-save (and ip6tables-save, ipset-save) of each node to verify"
        raise InputError(origin, "the snapshot has no node's rules", remedy)
    if snapshot.cluster.pods:
        return
    remedy = "add the output of `kubectl get pods -A -o yaml` to cluster/"
    if snapshot.cluster.workloads:
        kinds = Counter(workload.kind for workload in snapshot.cluster.workloads)
        listed = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        raise InputError(
            origin, f"{command} needs real pods with their addresses; there are only templates ({listed})", remedy
        )
    raise InputError(origin, f"{command} needs real pods with their addresses; there are none", remedy)


def chosen_nodes(snapshot: Snapshot, names: tuple[str, ...]) -> tuple[NodeState, ...]:
    """The nodes of these names, all where there are none; InputError where one is not in the snapshot."""
    if not names:
        return snapshot.nodes
    known = {node.name: node for node in snapshot.nodes}
    for name in names:
        if name not in known:
            problem = f"no node {name!r} in the snapshot"
            raise InputError(Origin(snapshot.path), problem, f"the rules there are of {some(sorted(known))}")
    return tuple(known[name] for name in sorted(set(names)))


def judged_nowhere(probe: Probe, nodes: tuple[NodeState, ...]) -> InputError:
    """The error to raise about a packet of which none of these nodes judges an end."""
    problem = f"neither end is a pod of {some([node.name for node in nodes])}"
    return InputError(Origin(f"{probe.source} -> {probe.destination}"), problem, "a node judges its own pods only")


def check_found(wanted: tuple[str, ...], found: Collection[str], snapshot: Snapshot) -> None:
    """InputError where one of the findings that were named is none."""
    for name in wanted:
        if name not in found:
            remedy = "`chainproof verify` with the same options shows the findings and their ids"
            raise InputError(Origin(snapshot.path), f"no finding has the id {name!r}", remedy)


def _no_such_pod(snapshot: Snapshot, name: str, local: list[str]) -> InputError:
    found = next((pod for pod in snapshot.cluster.pods if pod.full_name == name), None)
    if found is None:
        return InputError(
            Origin(snapshot.path), f"no pod {name!r} in the snapshot", f"the pods asked about can be {some(local)}"
        )
    if not found.has_traffic:
        reason = (
            "it is on the host's network" if found.host_network else f"it has no traffic of its own ({found.phase})"
        )
        return InputError(found.origin, f"no policy governs pod {name!r}: {reason}", f"choose among {some(local)}")
    place = f"it is on node {found.node!r}, whose rules are not asked about" if found.node else "it is on no node"
    return InputError(found.origin, f"pod {name!r} cannot be verified: {place}", f"choose among {some(local)}")


def _nothing_local(snapshot: Snapshot, names: list[str]) -> InputError:
    hosts = sorted({pod.node for pod in snapshot.cluster.pods if pod.has_traffic and pod.node})
    where = (
        f"the pods are on {some(hosts)}"
        if hosts
        else "no pod has both an address and a node (status.podIPs, spec.nodeName)"
    )
    problem = f"no pod is on {some(names)}; {where}"
    return InputError(
        Origin(snapshot.path),
        problem,
        "name the folders below nodes/ like spec.nodeName, and dump pods with their status",
    )


def some(names: list[str]) -> str:
    """The first few names, and how many more there are."""
    if not names:
        return "none"
    return ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
