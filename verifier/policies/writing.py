"""A NetworkPolicy as it was written, from its document, which was already found to be valid.

Spec: specs/policies/network_policy.md
"""

from __future__ import annotations

from collections.abc import Iterator

from verifier.model.document import Entries, Part
from verifier.model.policy import Direction
from verifier.model.written import (
    Requirement,
    WrittenBlock,
    WrittenPeer,
    WrittenPolicy,
    WrittenPort,
    WrittenRule,
    WrittenSelector,
)

_PEERS = {Direction.INGRESS: "from", Direction.EGRESS: "to"}
_CHANGES = "managedFields"


def written(document: Part, namespace: str, name: str) -> WrittenPolicy:
    """What the document says, for computing names; metadata that are not as the API server prints them say nothing."""
    spec, metadata = document.child("spec"), document.child("metadata").entries
    created, generation, changes = metadata.get("creationTimestamp"), metadata.get("generation"), metadata.get(_CHANGES)
    times = [each.get("time") for each in changes if type(each) is Entries] if type(changes) is list else []
    return WrittenPolicy(
        namespace,
        name,
        _selector(spec.child("podSelector")),
        tuple(_rules(spec, Direction.INGRESS)),
        tuple(_rules(spec, Direction.EGRESS)),
        created if type(created) is str else "",
        generation if type(generation) is int else None,
        tuple(time for time in times if type(time) is str),
    )


def _rules(spec: Part, direction: Direction) -> Iterator[WrittenRule]:
    for rule in spec.parts(direction.value):
        peers = tuple(_peer(peer) for peer in rule.parts(_PEERS[direction]))
        yield WrittenRule(peers, tuple(_port(port) for port in rule.parts("ports")))


def _peer(part: Part) -> WrittenPeer:
    pods, namespaces, block = part.part("podSelector"), part.part("namespaceSelector"), part.part("ipBlock")
    return WrittenPeer(
        _selector(pods) if pods is not None else None,
        _selector(namespaces) if namespaces is not None else None,
        WrittenBlock(block.text("cidr"), tuple(block.texts("except"))) if block is not None else None,
    )


def _selector(part: Part) -> WrittenSelector:
    expressions = (
        Requirement(each.text("key"), each.text("operator"), tuple(each.texts("values")))
        for each in part.parts("matchExpressions")
    )
    return WrittenSelector(tuple(part.text_map("matchLabels").items()), tuple(expressions))


def _port(part: Part) -> WrittenPort:
    return WrittenPort(part.text("protocol") or "TCP", part.entries.get("port"), part.number("endPort"))
