"""Calico's selectors: their spelling, the sets named after them and what they hold of, against a block of a page."""

from __future__ import annotations

import json
from collections.abc import Callable

from verifier.compilers.calico_sets import unique_id
from verifier.model.cluster import Cluster, NetworkSet
from verifier.model.fields import TCP, End
from verifier.model.node import NodeState
from verifier.model.origin import Origin
from verifier.model.packet import Packet
from verifier.policies.calico_labels import meaning
from verifier.policies.calico_selector import (
    Selector,
    SelectorError,
    canonical,
    of_namespaces,
    of_service_accounts,
    parse,
)
from verifier.reference.predicates import holds
from verifier.reference.things import satisfies
from verifier.reference.view import View, view_of
from verifier.semantics.things import networks_of

READ_AS: dict[str, Callable[[Selector], Selector]] = {
    "": lambda selector: selector,
    "namespaces": of_namespaces,
    "service accounts": of_service_accounts,
}
SOMEWHERE = (0x0A000001, 0x0A000001)


def check_selectors(text: str, argument: str, cluster: Cluster) -> list[str]:
    """Read the selectors of a block; returns what differs from it."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [f"{line!r}: {fault}" for line in lines if (fault := _check(line, READ_AS[argument], cluster))]


def _check(line: str, read_as: Callable[[Selector], Selector], cluster: Cluster) -> str:
    written, _, said = line.rpartition(" => ")
    word, _, wanted = said.partition(" ")
    try:
        selector = read_as(parse(json.loads(written) if written.startswith('"') else written))
    except SelectorError as error:
        column, _, problem = wanted.partition(" ")
        right = word == "error" and error.column == int(column) and json.loads(problem) in error.problem
        return "" if right else error.problem
    match word:
        case "is":
            found = canonical(selector)
            return "" if found == wanted and canonical(parse(found)) == found else found
        case "set":
            found = unique_id("s", canonical(selector))
            return "" if found.startswith(wanted) and len(wanted) >= len("s:") + 23 else found
        case "holds" | "fails":
            judge = _of_a_pod if "/" in wanted and "=" not in wanted else _of_labels
            return judge(selector, wanted, word == "holds", cluster)
    return "it is a selector"


def _of_labels(selector: Selector, wanted: str, expected: bool, cluster: Cluster) -> str:
    """A network set with these labels, asked of the reference and of the engine."""
    labels, _, namespace = wanted.partition(" in ")
    pairs = (label.partition("=") for label in ([] if labels == "none" else labels.split(",")))
    own = {key: value for key, _, value in pairs}
    thing = NetworkSet("NetworkSet", namespace, "x", own, {4: (SOMEWHERE,)}, Origin("page"))
    world = Cluster(cluster.namespaces, network_sets=(thing,))
    part = meaning(selector, End.SOURCE)
    found = satisfies(part, thing, _view(world)), bool(list(networks_of(part, 4, world)))
    return "" if found == (expected, expected) else f"the reference says {found[0]}, the engine {found[1]}"


def _of_a_pod(selector: Selector, name: str, expected: bool, cluster: Cluster) -> str:
    pod = next(pod for pod in cluster.pods if pod.full_name == name)
    packet = Packet(4, pod.addresses[4], SOMEWHERE[0], TCP, source_port=1, destination_port=1)
    found = holds(meaning(selector, End.SOURCE), packet, _view(cluster))
    return "" if found is expected else f"the reference says {found}"


def _view(cluster: Cluster) -> View:
    return view_of(NodeState("page"), cluster)
